using System.Xml.Linq;

namespace P2PLearn.Architecture.Tests;

/// <summary>Who may reference whom, read from the project files: the compiler drops a reference that nobody uses yet.</summary>
public sealed class DependencyTests
{
    [Theory]
    [InlineData("Networking")]
    [InlineData("Crdt")]
    [InlineData("Learning")]
    [InlineData("Actors", "Networking", "Crdt", "Learning")]
    [InlineData("Node", "Actors")]
    public void A_project_references_only_what_lies_below_it(string project, params string[] allowed)
    {
        IEnumerable<string> references = Repository.Project(project).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Equal(allowed.Order(), references.Order());
    }

    [Theory]
    [InlineData("Networking", "Akka", "MessagePack", "libtorch", "Microsoft.AspNetCore")]
    [InlineData("Crdt", "Akka", "Google.Protobuf", "NSec", "libtorch", "Microsoft")]
    [InlineData("Learning", "Akka", "MessagePack", "Google.Protobuf", "NSec", "Microsoft.AspNetCore")]
    public void A_library_does_not_know_the_packages_of_another_concern(string project, params string[] forbidden)
    {
        IEnumerable<string> packages = Repository.Project(project).Descendants()
            .Where(e => e.Name.LocalName is "PackageReference" or "FrameworkReference")
            .Select(e => e.Attribute("Include")!.Value);
        Assert.DoesNotContain(packages, package => forbidden.Any(f => package.StartsWith(f, StringComparison.Ordinal)));
    }

    [Fact]
    public void Packages_that_cannot_be_restored_are_never_referenced()
    {
        string[] missing = ["TorchSharp", "Nethermind", "Petabridge", "Akka.DistributedData.LightningDB"];
        IEnumerable<string> packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"))
            .Descendants("PackageVersion").Select(e => e.Attribute("Include")!.Value);
        Assert.DoesNotContain(packages, package => missing.Any(m => package.StartsWith(m, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Repository.Root, "P2PLearn.sln")).Replace('\\', '/');
        string[] folders = ["src", "tests", "bench", "samples"];
        IEnumerable<string> projects = folders
            .SelectMany(f => Directory.EnumerateFiles(Path.Combine(Repository.Root, f), "*.csproj", SearchOption.AllDirectories))
            .Select(Repository.Relative);
        Assert.All(projects, project => Assert.Contains(project, solution, StringComparison.Ordinal));
    }
}
