using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Hosting;

/// <summary>A store with models in a folder, as a node has it, without a network.</summary>
internal sealed class ModelShelf : IAsyncDisposable
{
    public const string Run = "4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab";
    public static readonly ModelLayout Layout = new([new ParameterShape("w", [3, 2]), new ParameterShape("b", [2])]);
    private readonly FileBlockStore _store;

    private ModelShelf(FileBlockStore store, bool runs)
    {
        _store = store;
        Library = new ModelLibrary(store, null, null, new ManifestLimits(), TimeProvider.System);
        Models = new ManagedModels(Library, store, () => Checkpoints, _ => [], () => [], runs ? Maker : null, TimeProvider.System, CancellationToken.None);
    }

    public KeyPair Maker { get; } = KeyPair.Generate();

    public ModelLibrary Library { get; }

    public FileBlockStore Store => _store;

    public ManagedModels Models { get; }

    public IReadOnlyList<CheckpointView> Checkpoints { get; set; } = [];

    public static async Task<ModelShelf> OpenAsync(string folder, long quotaBytes = 1 << 20, bool runs = true)
    {
        var options = new BlockStoreOptions { QuotaBytes = quotaBytes };
        return new ModelShelf(
            await FileBlockStore.OpenAsync(folder, options, TimeProvider.System, NullLoggerFactory.Instance, TestContext.Current.CancellationToken), runs);
    }

    /// <summary>Keeps a model of the run.</summary>
    public Task<StoredModel> AddAsync(ModelKeep keep, uint round, KeyPair maker, params float[] theta) => Library.AddAsync(
        keep,
        round == 0 ? ModelOrigin.None : new ModelOrigin(Convert.FromHexString(Run), round, []),
        Layout,
        MemoryMarshal.AsBytes<float>(theta).ToArray(),
        maker,
        TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Maker.Dispose();
    }
}
