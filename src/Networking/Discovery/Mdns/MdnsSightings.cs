using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>The peers seen on each link, so that each is told when there is something to tell.</summary>
/// <remarks>
/// When it is full a stranger is not believed, rather than another one forgotten: a flood of invented peers then is told
/// <see cref="MdnsOptions.MaxPeers"/> times within a time of life, and not once a packet. That one machine may not fill it alone keeps room
/// for the others.
/// </remarks>
/// <param name="options">The limits.</param>
internal sealed class MdnsSightings(MdnsOptions options)
{
    /// <summary>An answer with a shorter life holds this long: else it would be told anew with every packet.</summary>
    public static readonly TimeSpan MinTtl = TimeSpan.FromSeconds(10);

    /// <summary>An answer with a longer life holds this long (RFC 6762, 10: 75 minutes for records without a host's name).</summary>
    public static readonly TimeSpan MaxTtl = TimeSpan.FromMinutes(75);

    private readonly Dictionary<(PeerId Peer, int Link), Sighting> _sightings = [];

    /// <summary>Peers remembered, those that have expired included.</summary>
    public int Count => _sightings.Count;

    /// <summary>Notes an announcement.</summary>
    /// <returns><see cref="MdnsOutcome.Found"/> when it is to be told, else <see cref="MdnsOutcome.Known"/> or
    /// <see cref="MdnsOutcome.Full"/>.</returns>
    public MdnsOutcome Note(MdnsAnnouncement announcement, int link, IPAddress source, TimeSpan now)
    {
        TimeSpan ttl = TimeSpan.FromTicks(Math.Clamp(announcement.Ttl.Ticks, MinTtl.Ticks, MaxTtl.Ticks));
        var addresses = announcement.Addresses.ToHashSet();
        if (!_sightings.TryGetValue((announcement.Peer, link), out Sighting? sighting) || sighting.Expires <= now)
        {
            _sightings.Remove((announcement.Peer, link));
            if (!HasRoom(source, now))
            {
                return MdnsOutcome.Full;
            }

            _sightings[(announcement.Peer, link)] = new Sighting(announcement.Name, source, addresses, now, now + ttl);
            return MdnsOutcome.Found;
        }

        bool isChanged = !sighting.Addresses.SetEquals(addresses);
        bool isDue = now >= sighting.ToldAt + (isChanged ? options.MinTellInterval : ttl / 2);
        _sightings[(announcement.Peer, link)] = isDue
            ? new Sighting(announcement.Name, sighting.Source, addresses, now, now + ttl)
            : sighting with { Expires = now + ttl };
        return isDue ? MdnsOutcome.Found : MdnsOutcome.Known;
    }

    /// <summary>The peers of these names have left: when they come again they are told at once.</summary>
    public void Forget(HashSet<DnsName> names, int link) => RemoveWhere((key, s) => key.Link == link && names.Contains(s.Name));

    /// <summary>The link has gone.</summary>
    public void ForgetLink(int link) => RemoveWhere((key, _) => key.Link == link);

    private bool HasRoom(IPAddress source, TimeSpan now)
    {
        if (_sightings.Count >= options.MaxPeers || OfSource(source) >= options.MaxPeersPerSource)
        {
            RemoveWhere((_, s) => s.Expires <= now);
        }

        return _sightings.Count < options.MaxPeers && OfSource(source) < options.MaxPeersPerSource;
    }

    private int OfSource(IPAddress source) => _sightings.Values.Count(s => s.Source.Equals(source));

    private void RemoveWhere(Func<(PeerId Peer, int Link), Sighting, bool> condition)
    {
        foreach ((var key, Sighting sighting) in _sightings)
        {
            if (condition(key, sighting))
            {
                _sightings.Remove(key);
            }
        }
    }

    /// <param name="Name">The name it last gave itself.</param>
    /// <param name="Source">The address that first spoke of it; counts against that one.</param>
    /// <param name="Addresses">What was told.</param>
    /// <param name="ToldAt">When.</param>
    /// <param name="Expires">When the last answer ends.</param>
    private sealed record Sighting(DnsName Name, IPAddress Source, HashSet<Multiaddr> Addresses, TimeSpan ToldAt, TimeSpan Expires);
}
