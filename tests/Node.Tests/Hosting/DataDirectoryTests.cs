using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Tests.Hosting;

public sealed class DataDirectoryTests
{
    [Fact]
    public void A_second_node_is_kept_out()
    {
        using var folder = new TemporaryFolder();
        using (DataDirectory.Open(folder.Path))
        {
            var error = Assert.Throws<UserErrorException>(() => DataDirectory.Open(folder.Path));
            Assert.Contains("another node uses this data directory", error.Message, StringComparison.Ordinal);
        }

        using DataDirectory again = DataDirectory.Open(folder.Path);
        Assert.Equal(folder.Path, again.Root);
    }

    [Fact]
    public void The_token_is_made_once_and_is_the_owners_alone()
    {
        using var folder = new TemporaryFolder();
        using DataDirectory data = DataDirectory.Open(folder.Path);
        string token = data.GetOrCreateToken();
        Assert.Equal(64, token.Length);
        Assert.Equal(token, data.GetOrCreateToken());
        Assert.Equal(token, DataDirectory.ReadToken(folder.Path));
        if (!OperatingSystem.IsWindows())
        {
            UnixFileMode mode = File.GetUnixFileMode(Path.Combine(folder.Path, "management.token"));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode);
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_line()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "file");
        File.WriteAllText(file, "");
        Assert.Contains("cannot use this data directory", Assert.Throws<UserErrorException>(() => DataDirectory.Open(Path.Combine(file, "x"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_beyond_the_limit_is_not_read()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "key");
        File.WriteAllBytes(file, new byte[DataDirectory.MaxSecretBytes + 1]);
        Assert.Contains("too many", Assert.Throws<UserErrorException>(() => DataDirectory.ReadSecret(file)).Message, StringComparison.Ordinal);
    }
}
