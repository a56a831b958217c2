using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>Where this node listens, and its signed record of that.</summary>
/// <remarks>Safe for several threads. Owns the listeners.</remarks>
/// <param name="identity">Signs; not owned.</param>
/// <param name="time">Gives the record's number: Unix milliseconds, so that it grows over restarts.</param>
internal sealed class LocalAddresses(KeyPair identity, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Addresses told to others; a machine with more interfaces tells the first.</summary>
    public const int MaxAddresses = 64;

    private readonly Lock _lock = new();
    private readonly List<ITransportListener> _listeners = [];
    private IReadOnlyList<Multiaddr> _current = [];
    private SignedEnvelope? _record;
    private ulong _lastSeq;

    /// <summary>Each with our peer id.</summary>
    public IReadOnlyList<Multiaddr> Current => Volatile.Read(ref _current);

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
    public void Add(ITransportListener listener)
    {
        lock (_lock)
        {
            _listeners.Add(listener);
            IEnumerable<Multiaddr> addresses = _listeners
                .SelectMany(l => InterfaceAddresses.Expand(l.Address))
                .Distinct()
                .Take(MaxAddresses);
            Volatile.Write(ref _current, [.. addresses.Select(a => a.WithPeerId(identity.PeerId))]);
            _record = null;
        }
    }

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

    private SignedEnvelope Sign()
    {
        _lastSeq = Math.Max(_lastSeq + 1, (ulong)time.GetUtcNow().ToUnixTimeMilliseconds());
        return new PeerRecord(identity.PeerId, _lastSeq, [.. _current.Select(a => a.WithoutPeerId()!)]).Seal(identity);
    }
}
