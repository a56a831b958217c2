using System.Diagnostics;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery;

/// <summary>The peers of a <see cref="PeerCache"/>, without file and clock.</summary>
/// <remarks>Not safe for several threads.</remarks>
/// <param name="options">Validated.</param>
internal sealed class PeerCacheTable(PeerCacheOptions options)
{
    private readonly Dictionary<PeerId, PeerCacheEntry> _entries = [];

    /// <summary>Takes over what a file held: as much as the limits allow, nothing that is too old, and no time still to come.</summary>
    public void Load(IEnumerable<PeerCacheEntry> entries, DateTimeOffset now)
    {
        foreach (PeerCacheEntry entry in entries)
        {
            int good = Math.Min(entry.GoodCount, options.MaxAddressesPerPeer);
            Put(new PeerCacheEntry(
                entry.Peer,
                [.. entry.Addresses.Take(options.MaxAddressesPerPeer)],
                good,
                entry.LastSeen < now ? entry.LastSeen : ToSeconds(now)));
        }

        RemoveOld(now);
    }

    /// <summary>The peers with an address, the one seen last first.</summary>
    public IReadOnlyList<PeerCacheEntry> Newest(DateTimeOffset now)
    {
        RemoveOld(now);
        return [.. _entries.Values.OrderByDescending(e => e.LastSeen).ThenBy(e => e.Peer)];
    }

    /// <summary>A connection came up over an address.</summary>
    /// <returns>Whether the change is worth writing.</returns>
    public bool Succeeded(PeerId peer, Multiaddr address, DateTimeOffset now)
    {
        if (address.WithoutPeerId() is not { } bare)
        {
            return false;
        }

        PeerCacheEntry? old = _entries.GetValueOrDefault(peer);
        IEnumerable<Multiaddr> others = old?.Addresses.Where(a => a != bare) ?? [];
        bool wasGood = old?.Addresses.Take(old.GoodCount).Contains(bare) ?? false;
        int good = (old?.GoodCount ?? 0) + (wasGood ? 0 : 1);
        return Put(Limited(peer, [bare, .. others], good, now));
    }

    /// <summary>A connected peer says where it listens.</summary>
    /// <returns>Whether the change is worth writing.</returns>
    public bool Seen(PeerId peer, IReadOnlyList<Multiaddr> addresses, DateTimeOffset now)
    {
        List<Multiaddr> announced = [.. addresses.Select(a => a.WithoutPeerId()).OfType<Multiaddr>().Distinct()];
        PeerCacheEntry? old = _entries.GetValueOrDefault(peer);
        IEnumerable<Multiaddr> oldGood = old?.Addresses.Take(old.GoodCount) ?? [];
        if (announced.Count > 0)
        {
            // What it does not announce any more is kept for a while: behind a NAT a peer may not know its address.
            HashSet<Multiaddr> stale = [.. oldGood.Except(announced).Skip(options.MaxUnannouncedAddresses)];
            oldGood = oldGood.Where(a => !stale.Contains(a));
        }

        List<Multiaddr> good = [.. oldGood];
        IEnumerable<Multiaddr> rest = announced.Count > 0 ? announced : old?.Addresses ?? [];
        return (good.Count > 0 || rest.Any()) && Put(Limited(peer, [.. good, .. rest.Except(good)], good.Count, now));
    }

    /// <summary>Forgets a peer.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Forget(PeerId peer) => _entries.Remove(peer);

    private PeerCacheEntry Limited(PeerId peer, List<Multiaddr> addresses, int good, DateTimeOffset now) => new(
        peer,
        [.. addresses.Take(options.MaxAddressesPerPeer)],
        Math.Min(good, options.MaxAddressesPerPeer),
        ToSeconds(now));

    private bool Put(PeerCacheEntry entry)
    {
        Debug.Assert(entry.Addresses.Count > 0 && entry.GoodCount <= entry.Addresses.Count);
        PeerCacheEntry? old = _entries.GetValueOrDefault(entry.Peer);
        _entries[entry.Peer] = entry;
        if (_entries.Count > options.MaxPeers)
        {
            _entries.Remove(_entries.Values.MinBy(e => e.LastSeen)!.Peer);
        }

        return old is null
            || !old.Addresses.SequenceEqual(entry.Addresses)
            || old.GoodCount != entry.GoodCount
            || entry.LastSeen - old.LastSeen >= options.SeenPrecision;
    }

    private void RemoveOld(DateTimeOffset now)
    {
        foreach (PeerCacheEntry entry in _entries.Values)
        {
            if (entry.LastSeen < now - options.MaxAge)
            {
                _entries.Remove(entry.Peer);
            }
        }
    }

    private static DateTimeOffset ToSeconds(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
