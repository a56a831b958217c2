using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Plugins;

namespace P2PLearn.Learning.Tests.Plugins;

public sealed class PluginLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-plugins-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_sample_brings_a_model_and_a_kind_of_data_beside_those_there_are()
    {
        LearningCatalog catalog = PluginLoader.Load([Sample.Path]);

        Assert.Equal(["handwritten"], catalog.Models.Names.Except(ModelRegistry.Default.Names));
        Assert.Equal(["rings"], catalog.Data.Kinds.Except(DataSources.Default.Kinds));
        Assert.False(ModelRegistry.Default.Contains("handwritten"));
    }

    [Fact]
    public void No_plug_in_is_the_programs_own_catalog() => Assert.Equal(LearningCatalog.Default, PluginLoader.Load([]));

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Refused("no such file", Path.Combine(_folder, "none.dll"));

    [Fact]
    public void What_is_no_assembly_is_refused()
    {
        string path = Path.Combine(_folder, "text.dll");
        File.WriteAllText(path, "this is text");
        Refused("no .NET assembly for this runtime", path);
    }

    [Fact]
    public void An_assembly_without_a_plug_in_is_refused() =>
        Refused("no public class in it implements IPlugin and has a constructor without parameters", typeof(CsCheck.Gen).Assembly.Location);

    [Fact]
    public void The_same_plug_in_twice_is_refused_by_the_name_that_is_taken() =>
        Refused("failed: there is already a model 'handwritten'", Sample.Path, Sample.Path);

    [Fact]
    public void What_a_plug_in_needs_is_found_beside_it()
    {
        string plugin = MadePlugin.Write(_folder);

        Refused("it brings neither a model nor a kind of data", plugin); // so it was loaded and asked
    }

    [Fact]
    public void What_a_plug_in_needs_and_has_not_is_named()
    {
        string plugin = MadePlugin.Write(_folder);
        File.Delete(Path.Combine(_folder, MadePlugin.Dependency + ".dll"));

        Refused($"cannot be loaded: Could not load file or assembly '{MadePlugin.Dependency}", plugin);
    }

    private static void Refused(string problem, params string[] paths)
    {
        string message = Assert.Throws<PluginException>(() => PluginLoader.Load(paths)).Message;
        Assert.StartsWith($"plug-in {paths[^1]}: {problem}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
