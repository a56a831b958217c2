using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Tests.Configuration;

public sealed class ConfigFileTests
{
    [Fact]
    public void The_shipped_configurations_are_read()
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(TestPaths.Root, "configs"), "*.json"))
        {
            Assert.NotNull(ConfigFile.Read(file));
        }
    }

    [Fact]
    public void Comments_and_trailing_commas_are_welcome()
    {
        NodeOptions options = ConfigFile.Parse("""
            { // a comment
              "found": true, "run": { "faulty": 2, "max_deadline": "00:00:05", },
            }
            """, "test");
        Assert.True(options.Found);
        Assert.Equal(2, options.Run!.Faulty);
        Assert.Equal(TimeSpan.FromSeconds(5), options.Run.MaxDeadline);
        Assert.Equal("centred-clipping", options.Run.Aggregator);
    }

    [Theory]
    [InlineData("{ \"fond\": true }", "test:1: unknown key 'fond'; known here: data_dir, listen")]
    [InlineData("{\n \"run\": { \"modell\": \"mlp\" } }", "test:2: unknown key 'run.modell'; known here: model, aggregator")]
    [InlineData("{ \"found\": 3 }", "test:1: the value of 'found' does not fit")]
    [InlineData("{ \"listen\": null }", "test:1: the value of 'listen' does not fit")]
    [InlineData("{ \"found\": tru }", "test:1: ")]
    [InlineData("null", "test: 'null' is not a configuration")]
    public void What_is_wrong_is_said_in_one_line(string text, string expected)
    {
        var error = Assert.Throws<UserErrorException>(() => ConfigFile.Parse(text, "test"));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<UserErrorException>(() => ConfigFile.Read("no/such/file.json"));
        Assert.Contains("no/such/file.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_beyond_the_limit_is_not_read()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "big.json");
        File.WriteAllText(path, new string(' ', ConfigFile.MaxBytes) + "{}");
        Assert.Contains("more than a configuration may have", Assert.Throws<UserErrorException>(() => ConfigFile.Read(path)).Message, StringComparison.Ordinal);
    }
}
