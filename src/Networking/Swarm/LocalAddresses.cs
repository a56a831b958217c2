using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>Where this node can be dialled, by how that was learnt, and its signed record of it.</summary>
/// <remarks>Safe for several threads. Owns the listeners.</remarks>
/// <param name="identity">Signs; not owned.</param>
/// <param name="time">Gives the record's number: Unix milliseconds, so that it grows over restarts.</param>
/// <param name="changed">Told, outside of the lock, when the addresses have changed.</param>
internal sealed class LocalAddresses(KeyPair identity, TimeProvider time, Action changed) : IAsyncDisposable
{
    /// <summary>Addresses told to others; a machine with more interfaces tells the first.</summary>
    public const int MaxAddresses = 64;

    private readonly Lock _lock = new();
    private readonly List<ITransportListener> _listeners = [];
    private readonly SortedDictionary<AddressSource, IReadOnlyList<Multiaddr>> _learnt = [];
    private IReadOnlyList<(Multiaddr Address, AddressSource Source)> _sourced = [];
    private IReadOnlyList<Multiaddr> _current = [];
    private SignedEnvelope? _record;
    private ulong _lastSeq;

    /// <summary>Each with our peer id.</summary>
    public IReadOnlyList<Multiaddr> Current => Volatile.Read(ref _current);

    /// <summary>Without peer ids, with how each was learnt.</summary>
    public IReadOnlyList<(Multiaddr Address, AddressSource Source)> Sourced => Volatile.Read(ref _sourced);

    /// <summary>The addresses under our signature.</summary>
    public SignedEnvelope Record
    {
        get
        {
            lock (_lock)
            {
                return _record ??= Sign();
            }
        }
    }

    /// <summary>Takes a listener in.</summary>
    public void Add(ITransportListener listener) => Change(() => _listeners.Add(listener));

    /// <summary>Replaces the addresses learnt in one way.</summary>
    /// <param name="source">How; not <see cref="AddressSource.Listen"/>.</param>
    /// <param name="addresses">All of them, in order of preference; a trailing id of ours is dropped.</param>
    public void Set(AddressSource source, IEnumerable<Multiaddr> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)source, (int)AddressSource.Listen);
        Multiaddr[] bare = [.. addresses.Select(Bare).OfType<Multiaddr>().Distinct()];
        Change(() => _learnt[source] = bare);
    }

    /// <summary>Looks at the interfaces anew: they come and go.</summary>
    public void Refresh() => Change(static () => { });

    /// <summary>Closes the listeners.</summary>
    public async ValueTask DisposeAsync()
    {
        ITransportListener[] listeners;
        lock (_lock)
        {
            listeners = [.. _listeners];
            _listeners.Clear();
        }

        foreach (ITransportListener listener in listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Change(Action change)
    {
        bool isNew;
        lock (_lock)
        {
            change();
            (Multiaddr Address, AddressSource Source)[] all =
            [
                .. _listeners
                    .SelectMany(l => InterfaceAddresses.Expand(l.Address))
                    .Select(a => (Address: a, Source: AddressSource.Listen))
                    .Concat(_learnt.SelectMany(s => s.Value.Select(a => (Address: a, Source: s.Key))))
                    .DistinctBy(a => a.Address)
                    .Take(MaxAddresses),
            ];
            isNew = !all.SequenceEqual(_sourced);
            if (isNew)
            {
                Volatile.Write(ref _sourced, all);
                Volatile.Write(ref _current, [.. all.Select(a => a.Address.WithPeerId(identity.PeerId))]);
                _record = null;
            }
        }

        if (isNew)
        {
            changed();
        }
    }

    /// <summary>A relayed address ends in <c>/p2p-circuit</c> here, any other without a peer id.</summary>
    private Multiaddr? Bare(Multiaddr address) =>
        address.PeerId == identity.PeerId ? address.WithoutPeerId() : address;

    private SignedEnvelope Sign()
    {
        _lastSeq = Math.Max(_lastSeq + 1, (ulong)time.GetUtcNow().ToUnixTimeMilliseconds());
        return new PeerRecord(identity.PeerId, _lastSeq, [.. _current.Select(a => a.WithoutPeerId()!)]).Seal(identity);
    }
}

/// <summary>How an address of this node was learnt, the most trustworthy first.</summary>
public enum AddressSource
{
    /// <summary>We listen on it.</summary>
    Listen,

    /// <summary>The operator said so.</summary>
    Configured,

    /// <summary>The router said so: UPnP, NAT-PMP or PCP.</summary>
    Mapped,

    /// <summary>Other peers see us there, and AutoNAT found it reachable.</summary>
    Observed,

    /// <summary>A relay passes connections on.</summary>
    Relayed,
}
