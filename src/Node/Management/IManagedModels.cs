namespace P2PLearn.Node.Management;

/// <summary>The models of a node: of this process, or of a running one over its management endpoint.</summary>
public interface IManagedModels
{
    /// <summary>What is kept here, and the checkpoints of the mesh.</summary>
    Task<ModelListView> ListAsync(CancellationToken cancellationToken);

    /// <summary>A model, or a run's newest checkpoint.</summary>
    /// <param name="name">A root, or a run id or a unique prefix of one of at least 6 digits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">Neither of them, or it is not here.</exception>
    Task<ModelShowView> ShowAsync(string name, CancellationToken cancellationToken);

    /// <summary>Fetches a model and keeps it; of a run the models of some makers of its newest checkpoint. Ends with <c>done</c> when something is kept, else
    /// with <c>failed</c>. Ending the enumeration ends the pull; what came stays, and another pull goes on from there.</summary>
    /// <param name="name">As of <see cref="ShowAsync"/>.</param>
    /// <param name="from">Peer ids of some that may have it; more are searched for.</param>
    /// <param name="timeout">For all of it.</param>
    /// <param name="cancellationToken">Ends the pull.</param>
    /// <exception cref="UserErrorException">Before anything else: it cannot begin.</exception>
    IAsyncEnumerable<PullEventView> PullAsync(string name, IReadOnlyList<string> from, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Makes a safetensors file a model that is kept, and tells others of it.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">The file cannot be used, or there is no room.</exception>
    Task<ModelPushedView> PushAsync(string path, CancellationToken cancellationToken);

    /// <summary>Opens a model that is here completely, as a safetensors file.</summary>
    /// <exception cref="UserErrorException">Not a root, or not here completely.</exception>
    Task<ModelExport> ExportAsync(string root, CancellationToken cancellationToken);

    /// <summary>Keeps a model no longer that was pulled or pushed; never a checkpoint of a run.</summary>
    /// <returns>What was done.</returns>
    /// <exception cref="UserErrorException">Not a root, or nothing to drop.</exception>
    Task<ActionAnswer> DropAsync(string root, CancellationToken cancellationToken);
}

/// <summary>A model as a safetensors file that is yet to be written.</summary>
/// <param name="Length">Bytes of the file.</param>
/// <param name="WriteToAsync">Writes them; to be called once.</param>
public sealed record ModelExport(long Length, Func<Stream, CancellationToken, Task> WriteToAsync);
