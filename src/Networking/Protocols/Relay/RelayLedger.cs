using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Who asks a relay for something.</summary>
/// <param name="Peer">Proven by the connection.</param>
/// <param name="Ip">Where the connection comes from; null for transports without IPs.</param>
/// <param name="IsMember">Has proven the mesh's key.</param>
internal readonly record struct HopClient(PeerId Peer, IPAddress? Ip, bool IsMember);

/// <summary>What the ledger says to a request.</summary>
/// <param name="Status">The answer.</param>
/// <param name="IsFlood">Refused because it asks too often.</param>
internal readonly record struct RelayVerdict(RelayStatusCode Status, bool IsFlood = false)
{
    public static RelayVerdict Ok { get; } = new(RelayStatusCode.Ok);

    public static RelayVerdict Flood { get; } = new(RelayStatusCode.ResourceLimitExceeded, IsFlood: true);

    /// <summary>Granted.</summary>
    public bool IsOk => Status == RelayStatusCode.Ok;
}

/// <summary>A relay's books: slots, circuits and requests, counted before anything is done for them.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2; limits of go-libp2p and rust-libp2p. Pure: the time comes in, as a span that does not
/// go back. Not safe for several threads. Invariants: a peer holds at most one slot, which ends at its time, at
/// <see cref="Disconnected"/> or <see cref="Close"/>; what was counted is given back exactly once, so that all tables are
/// empty when nothing is held. Rates alone outlive a connection: reconnecting does not fill a bucket.
/// </remarks>
internal sealed class RelayLedger
{
    private readonly RelayServerOptions _options;
    private readonly Dictionary<PeerId, LinkedListNode<Slot>> _slots = [];
    private readonly LinkedList<Slot> _byExpiry = []; // all last equally long, so the newest ends last
    private readonly RelayTally<IPAddress> _slotsByIp = new();
    private readonly RelayTally<IPAddress> _slotsByNetwork = new();
    private readonly RelayTally<PeerId> _circuitsByPeer = new();
    private readonly RelayTally<PeerId> _requestsByPeer = new();
    private readonly RelayRates<PeerId> _reservationRates;
    private readonly RelayRates<IPAddress> _reservationRatesByIp;
    private readonly RelayRates<PeerId> _circuitRates;
    private readonly RelayRates<IPAddress> _circuitRatesByIp;
    private readonly RelayRates<PeerId> _memberReservationRates;
    private readonly RelayRates<PeerId> _memberCircuitRates;
    private int _requests;

    public RelayLedger(RelayServerOptions options)
    {
        _options = options;
        _reservationRates = new(options.ReservationsPerPeer);
        _reservationRatesByIp = new(options.ReservationsPerIp);
        _circuitRates = new(options.CircuitsPerPeer);
        _circuitRatesByIp = new(options.CircuitsPerIp);
        _memberReservationRates = new(options.ReservationsPerPeer); // apart: strangers cannot fill the members' table
        _memberCircuitRates = new(options.CircuitsPerMember);
    }

    /// <summary>Gives slots out.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Slots held, those included whose time is over and that <see cref="Expire"/> has not taken yet.</summary>
    public int ReservationCount => _slots.Count;

    /// <summary>Circuits, those included that are being made.</summary>
    public int CircuitCount { get; private set; }

    /// <summary>Keys over all counts: none when nothing is held.</summary>
    public int EntryCount => _slots.Count + _slotsByIp.KeyCount + _slotsByNetwork.KeyCount
        + _circuitsByPeer.KeyCount + _requestsByPeer.KeyCount;

    /// <summary>When the next slot ends; null without slots.</summary>
    public TimeSpan? NextExpiry => _byExpiry.First?.Value.Expires;

    /// <summary>The unit of the limit by network: an IPv4 /16 or an IPv6 /32.</summary>
    public static IPAddress NetworkOf(IPAddress ip)
    {
        IPAddress group = ResourceGate.Group(ip);
        byte[] bytes = group.GetAddressBytes();
        bytes.AsSpan(group.AddressFamily == AddressFamily.InterNetworkV6 ? 4 : 2).Clear();
        return new IPAddress(bytes);
    }

    /// <summary>Gives slots out from now on.</summary>
    public void Open() => IsOpen = true;

    /// <summary>Ends all slots and gives out no more; circuits go on.</summary>
    public void Close()
    {
        IsOpen = false;
        while (_byExpiry.First is { } slot)
        {
            Remove(slot);
        }
    }

    /// <summary>Counts a request before its message is read.</summary>
    /// <returns>False when too many wait already: nothing was counted.</returns>
    public bool TryBegin(HopClient client)
    {
        int ofPeer = client.IsMember ? _options.MaxCircuitsPerMember : _options.MaxRequestsPerPeer;
        if (_requests >= Share(_options.MaxRequests, client.IsMember) || _requestsByPeer[client.Peer] >= ofPeer)
        {
            return false;
        }

        _requests++;
        _requestsByPeer.Add(client.Peer);
        return true;
    }

    /// <summary>A request was answered, or given up.</summary>
    public void EndRequest(PeerId peer)
    {
        _requests--;
        _requestsByPeer.Remove(peer);
    }

    /// <summary>Gives a slot; a new one of the same peer takes the place of its old one. Refused, the old one stays.</summary>
    public RelayVerdict TryReserve(HopClient client, TimeSpan now)
    {
        Expire(now);
        if (!MayReserve(client, now))
        {
            return RelayVerdict.Flood;
        }

        IPAddress? ip = client.IsMember || client.Ip is null ? null : ResourceGate.Group(client.Ip);
        var slot = new Slot(client.Peer, ip, ip is null ? null : NetworkOf(ip), now + _options.ReservationTime);
        LinkedListNode<Slot>? old = _slots.GetValueOrDefault(client.Peer);
        if (!IsOpen || !HasRoom(slot, old?.Value, client.IsMember))
        {
            return new RelayVerdict(RelayStatusCode.ReservationRefused);
        }

        if (old is not null)
        {
            Remove(old);
        }

        _slots.Add(client.Peer, _byExpiry.AddLast(slot));
        _slotsByIp.Add(slot.Ip);
        _slotsByNetwork.Add(slot.Network);
        return RelayVerdict.Ok;
    }

    /// <summary>Whether a peer holds a slot.</summary>
    public bool HasReservation(PeerId peer, TimeSpan now)
    {
        Expire(now);
        return _slots.ContainsKey(peer);
    }

    /// <summary>Counts a circuit before the target is asked.</summary>
    /// <param name="source">Who asks.</param>
    /// <param name="target">To whom; not the source.</param>
    /// <param name="targetIsMember">It has proven the mesh's key.</param>
    /// <param name="now">The time.</param>
    /// <param name="circuit">The count, to be given to <see cref="End"/>; null when refused.</param>
    public RelayVerdict TryConnect(
        HopClient source, PeerId target, bool targetIsMember, TimeSpan now, out CircuitGrant? circuit)
    {
        circuit = null;
        Expire(now);
        if (!MayConnect(source, now))
        {
            return RelayVerdict.Flood;
        }

        if (!_slots.ContainsKey(target))
        {
            return new RelayVerdict(RelayStatusCode.NoReservation);
        }

        bool members = source.IsMember && targetIsMember;
        int perPeer = members ? _options.MaxCircuitsPerMember : _options.MaxCircuitsPerPeer;
        if (CircuitCount >= Share(_options.MaxCircuits, members)
            || _circuitsByPeer[source.Peer] >= perPeer || _circuitsByPeer[target] >= perPeer)
        {
            return new RelayVerdict(RelayStatusCode.ResourceLimitExceeded);
        }

        CircuitCount++;
        _circuitsByPeer.Add(source.Peer);
        _circuitsByPeer.Add(target);
        circuit = new CircuitGrant(source.Peer, target, members ? _options.MemberLimit : _options.StrangerLimit);
        return RelayVerdict.Ok;
    }

    /// <summary>A circuit has ended, or did not come about. Harmless when repeated.</summary>
    public void End(CircuitGrant circuit)
    {
        if (!circuit.HasEnded)
        {
            circuit.HasEnded = true;
            CircuitCount--;
            _circuitsByPeer.Remove(circuit.Source);
            _circuitsByPeer.Remove(circuit.Target);
        }
    }

    /// <summary>The last connection with a peer is gone, and its slot with it.</summary>
    /// <returns>Whether it held one.</returns>
    public bool Disconnected(PeerId peer)
    {
        if (!_slots.TryGetValue(peer, out LinkedListNode<Slot>? slot))
        {
            return false;
        }

        Remove(slot);
        return true;
    }

    /// <summary>Takes back the slots whose time is over.</summary>
    /// <returns>How many.</returns>
    public int Expire(TimeSpan now)
    {
        int expired = 0;
        while (_byExpiry.First is { } slot && slot.Value.Expires <= now)
        {
            Remove(slot);
            expired++;
        }

        return expired;
    }

    private bool MayReserve(HopClient client, TimeSpan now) => client.IsMember
        ? _memberReservationRates.TryTake(client.Peer, now)
        : MayByIp(_reservationRatesByIp, client.Ip, now) && _reservationRates.TryTake(client.Peer, now);

    private bool MayConnect(HopClient source, TimeSpan now) => source.IsMember
        ? _memberCircuitRates.TryTake(source.Peer, now)
        : MayByIp(_circuitRatesByIp, source.Ip, now) && _circuitRates.TryTake(source.Peer, now);

    /// <summary>Asked before the rate of the peer, so that one address cannot fill that table with invented peers.</summary>
    private static bool MayByIp(RelayRates<IPAddress> rates, IPAddress? ip, TimeSpan now) =>
        ip is null || rates.TryTake(ResourceGate.Group(ip), now);

    private bool HasRoom(Slot slot, Slot? replaced, bool isMember) =>
        _slots.Count - (replaced is null ? 0 : 1) < Share(_options.MaxReservations, isMember)
        && Free(_slotsByIp, slot.Ip, replaced?.Ip) < _options.MaxReservationsPerIp
        && Free(_slotsByNetwork, slot.Network, replaced?.Network) < _options.MaxReservationsPerNetwork;

    /// <summary>The count without the slot that is replaced.</summary>
    private static int Free(RelayTally<IPAddress> counts, IPAddress? key, IPAddress? replaced) =>
        counts[key] - (key is not null && key.Equals(replaced) ? 1 : 0);

    private int Share(int most, bool isMember) => isMember ? most : (int)Math.Ceiling(most * _options.StrangerShare);

    private void Remove(LinkedListNode<Slot> slot)
    {
        _byExpiry.Remove(slot);
        _slots.Remove(slot.Value.Peer);
        _slotsByIp.Remove(slot.Value.Ip);
        _slotsByNetwork.Remove(slot.Value.Network);
    }

    /// <summary>A reservation; no address for a member's.</summary>
    private sealed record Slot(PeerId Peer, IPAddress? Ip, IPAddress? Network, TimeSpan Expires);
}

/// <summary>One counted circuit.</summary>
/// <param name="source">Who asked.</param>
/// <param name="target">Who holds the slot.</param>
/// <param name="limit">What it is granted; null for no limit.</param>
internal sealed class CircuitGrant(PeerId source, PeerId target, LinkLimit? limit)
{
    public PeerId Source => source;

    public PeerId Target => target;

    public LinkLimit? Limit => limit;

    /// <summary>Its count was given back; the ledger's to set.</summary>
    internal bool HasEnded { get; set; }
}
