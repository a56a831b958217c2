using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary>The way to a node's models: over its management endpoint, or into its data directory when no node has that open.</summary>
internal sealed class ModelAccess : IAsyncDisposable
{
    private readonly ManagementClient? _client;
    private readonly DataDirectory? _data;
    private readonly FileBlockStore? _store;

    private ModelAccess(ManagementClient client)
    {
        _client = client;
        Models = new ModelClient(client);
    }

    private ModelAccess(DataDirectory data, FileBlockStore store)
    {
        (_data, _store) = (data, store);
        var library = new ModelLibrary(store, null, null, new ManifestLimits(), TimeProvider.System);
        Models = new ManagedModels(library, store, () => [], _ => [], () => [], null, TimeProvider.System, CancellationToken.None);
    }

    /// <summary>The models.</summary>
    public IManagedModels Models { get; }

    /// <summary>Finds the models that a person means.</summary>
    /// <param name="host">Host and port of a running node, or null.</param>
    /// <param name="folder">A data directory, or null.</param>
    /// <param name="limit">Time for an answer of a running node.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">There are none.</exception>
    public static async Task<ModelAccess> OpenAsync(string? host, string? folder, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (host is null && folder is not null && TryTake(folder) is { } data)
        {
            try
            {
                FileBlockStore store = await NodeContent.OpenStoreAsync(
                    data.BlocksFolder, new BlocksSection().QuotaBytes, NullLoggerFactory.Instance, TimeProvider.System, cancellationToken);
                return new ModelAccess(data, store);
            }
            catch
            {
                data.Dispose();
                throw;
            }
        }

        return new ModelAccess(ManagementClient.Open(host, folder, limit));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        _data?.Dispose();
    }

    /// <summary>Takes a data directory; null when a node has it. A node takes it before it serves, so one that is free has no node to ask.</summary>
    private static DataDirectory? TryTake(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return null; // the client says so
        }

        if (!File.Exists(Path.Combine(folder, DataDirectory.IdentityName)))
        {
            throw new UserErrorException($"{folder}: this is no data directory of a node");
        }

        try
        {
            return DataDirectory.Open(folder);
        }
        catch (UserErrorException)
        {
            return null;
        }
    }
}
