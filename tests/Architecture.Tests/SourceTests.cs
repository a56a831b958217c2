using System.Text.RegularExpressions;

namespace P2PLearn.Architecture.Tests;

/// <summary>Rules that a reader relies on and no compiler checks.</summary>
public sealed partial class SourceTests
{
    [Fact]
    public void Namespaces_follow_folders()
    {
        IEnumerable<string> strays = Repository.SourceFiles("src")
            .Select(path => (Path: Repository.Relative(path), Namespace: NamespaceLine().Match(File.ReadAllText(path)).Groups[1].Value))
            .Where(file => file.Namespace.Length > 0 && file.Namespace != Expected(file.Path))
            .Select(file => $"{file.Path} is in namespace {file.Namespace}");
        Assert.Empty(strays);
    }

    [Fact]
    public void No_folder_is_a_drawer_for_everything()
    {
        string[] drawers = ["Common", "Utils", "Util", "Helpers", "Shared", "Core", "Misc"];
        IEnumerable<string> found = Repository.SourceFiles("src")
            .Select(Repository.Relative).Where(path => path.Split('/').Any(part => drawers.Contains(part)));
        Assert.Empty(found);
    }

    [Fact]
    public void Log_event_ids_are_unique_and_in_their_projects_range()
    {
        var ranges = new Dictionary<string, int> { ["Networking"] = 1000, ["Actors"] = 2000, ["Node"] = 3000 };
        var seen = new Dictionary<int, string>();
        foreach (string path in Repository.SourceFiles("src"))
        {
            string file = Repository.Relative(path);
            foreach (Match match in LoggerMessageId().Matches(File.ReadAllText(path)))
            {
                int id = int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
                Assert.True(seen.TryAdd(id, file), $"{file} and {seen[id]} share log id {id}");
                int start = ranges[file.Split('/')[1]];
                Assert.InRange(id, start, start + 999);
            }
        }
    }

    [Fact]
    public void Nothing_is_left_for_later_in_the_product()
    {
        IEnumerable<string> left = Repository.SourceFiles("src")
            .Where(path => LeftForLater().IsMatch(File.ReadAllText(path))).Select(Repository.Relative);
        Assert.Empty(left);
    }

    [Fact]
    public void Every_configuration_key_is_documented()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "configs", "README.md"));
        foreach (string path in ConfigurationFiles())
        {
            foreach (Match match in InitProperty().Matches(File.ReadAllText(path)))
            {
                string key = System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(match.Groups[1].Value);
                Assert.True(readme.Contains($"`{key}`", StringComparison.Ordinal), $"configs/README.md does not describe '{key}' of {Repository.Relative(path)}");
            }
        }
    }

    private static IEnumerable<string> ConfigurationFiles() =>
        Repository.SourceFiles("src/Node/Configuration")
            .Where(p => p.EndsWith("Section.cs", StringComparison.Ordinal) || p.EndsWith("NodeOptions.cs", StringComparison.Ordinal))
            .Append(Path.Combine(Repository.Root, "src", "Actors", "Training", "RunSettings.cs"));

    private static string Expected(string path)
    {
        string[] parts = path.Split('/');
        return "P2PLearn." + string.Join('.', parts[1..^1]);
    }

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex LoggerMessageId();

    [GeneratedRegex(@"\bTODO\b|NotImplementedException|\bTBD\b")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"public [\w<>?]+ (\w+) \{ get; init; \}")]
    private static partial Regex InitProperty();
}
