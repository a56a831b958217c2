using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>Which addresses failed lately and are left alone for a while.</summary>
/// <remarks>
/// Source: go-libp2p's dial backoff: after the n-th failure in a row wait 5 s + n² s, at most 5 min; a success forgets
/// all. Safe for several threads. Bounded: when full, the entry whose wait ends first makes room.
/// </remarks>
/// <param name="time">The clock.</param>
internal sealed class DialBackoff(TimeProvider time)
{
    /// <summary>Addresses remembered at once.</summary>
    public const int MaxEntries = 4_096;

    private static readonly TimeSpan Base = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private readonly Lock _lock = new();
    private readonly Dictionary<Multiaddr, Entry> _entries = [];

    /// <summary>Addresses remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>How long the address is still left alone, zero when it may be dialled, and why it failed
    /// last.</summary>
    public (TimeSpan Wait, EndReason Reason) WaitFor(Multiaddr address)
    {
        lock (_lock)
        {
            _entries.TryGetValue(address, out Entry entry);
            TimeSpan left = entry.Until - time.GetUtcNow();
            return (left > TimeSpan.Zero ? left : TimeSpan.Zero, entry.Reason);
        }
    }

    /// <summary>Notes a failure.</summary>
    public void Failed(Multiaddr address, EndReason reason)
    {
        lock (_lock)
        {
            int failures = Math.Min(_entries.GetValueOrDefault(address).Failures + 1, 1_000);
            TimeSpan wait = Base + TimeSpan.FromSeconds((double)failures * failures);
            if (_entries.Count >= MaxEntries && !_entries.ContainsKey(address))
            {
                _entries.Remove(_entries.MinBy(e => e.Value.Until).Key);
            }

            _entries[address] = new Entry(failures, time.GetUtcNow() + (wait < Longest ? wait : Longest), reason);
        }
    }

    /// <summary>Forgets the addresses through a relay: a connection with it has come up, so they may lead somewhere again.</summary>
    public void ForgetThrough(PeerId relay)
    {
        lock (_lock)
        {
            foreach (Multiaddr address in _entries.Keys) // removing while going through the keys is allowed
            {
                if (RelayedAddress.TryParse(address, out RelayedAddress? way) && way.Relay == relay)
                {
                    _entries.Remove(address);
                }
            }
        }
    }

    /// <summary>Forgets an address that answered.</summary>
    public void Succeeded(Multiaddr address)
    {
        lock (_lock)
        {
            _entries.Remove(address);
        }
    }

    private readonly record struct Entry(int Failures, DateTimeOffset Until, EndReason Reason);
}
