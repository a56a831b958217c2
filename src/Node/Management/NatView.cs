namespace P2PLearn.Node.Management;

/// <summary>How a node is reached and reaches others: the shape of <c>GET /nat</c>.</summary>
/// <param name="PeerId">This node.</param>
/// <param name="State"><c>reachable</c>, <c>relayed</c>, <c>unreachable</c> or <c>unknown</c>.</param>
/// <param name="Mapping">How the NAT chooses public ports: <c>none</c>, <c>endpoint-independent</c>, <c>endpoint-dependent</c> or <c>unknown</c>.</param>
/// <param name="Filtering">Whom it lets in, in the same words without <c>none</c>.</param>
/// <param name="Addresses">Each address of this node.</param>
/// <param name="PortMapping">What the router granted.</param>
/// <param name="Relays">Slots on relays.</param>
/// <param name="Relaying">What this node relays for others; null when it does not.</param>
/// <param name="Peers">The way to each connected peer.</param>
/// <param name="Remedies">What would help, in plain words; empty when nothing is to be improved.</param>
public sealed record NatView(
    string PeerId,
    string State,
    string Mapping,
    string Filtering,
    IReadOnlyList<NatAddressView> Addresses,
    PortMappingView PortMapping,
    IReadOnlyList<RelayView> Relays,
    RelayingView? Relaying,
    IReadOnlyList<PeerPathView> Peers,
    IReadOnlyList<string> Remedies);

/// <summary>One address.</summary>
/// <param name="Address">A multiaddr.</param>
/// <param name="LearntBy"><c>interface</c>, <c>configured</c>, <c>router</c>, <c>observed</c> or <c>relay</c>.</param>
/// <param name="Reachability"><c>public</c>, <c>private</c> or <c>unknown</c>.</param>
/// <param name="Observers">Distinct observers that saw this node there or tested it.</param>
/// <param name="Announced">Others are told of it.</param>
public sealed record NatAddressView(string Address, string LearntBy, string Reachability, int Observers, bool Announced);

/// <summary>Ports that the router maps.</summary>
/// <param name="Mappings">One line each.</param>
/// <param name="Problem">Why there is none; null when there is one, or nobody asked.</param>
public sealed record PortMappingView(IReadOnlyList<string> Mappings, string? Problem);

/// <summary>A slot on a relay.</summary>
/// <param name="Relay">Its peer id.</param>
/// <param name="Addresses">Where this node is reached over it.</param>
/// <param name="Since">When it was granted.</param>
/// <param name="Expires">When it ends unless renewed.</param>
/// <param name="LimitSeconds">Longest circuit; null for no limit.</param>
/// <param name="LimitBytes">Bytes of a circuit in each direction; null for no limit.</param>
/// <param name="RoundTripMilliseconds">To the relay; null before the first measurement.</param>
public sealed record RelayView(
    string Relay,
    IReadOnlyList<string> Addresses,
    DateTimeOffset Since,
    DateTimeOffset Expires,
    double? LimitSeconds,
    long? LimitBytes,
    double? RoundTripMilliseconds);

/// <summary>What a node relays.</summary>
/// <param name="Reservations">Slots given out.</param>
/// <param name="MaxReservations">Slots in all.</param>
/// <param name="Circuits">Circuits open now.</param>
/// <param name="BytesRelayed">Since the start.</param>
/// <param name="Refused">Requests refused since the start, by status.</param>
public sealed record RelayingView(
    int Reservations, int MaxReservations, int Circuits, long BytesRelayed, IReadOnlyDictionary<string, long> Refused);

/// <summary>The way to a peer.</summary>
/// <param name="Peer">Its peer id.</param>
/// <param name="IsMember">It has proven to be a member of the mesh.</param>
/// <param name="Path"><c>direct</c>, <c>reversed</c>, <c>punched</c> or <c>relayed</c>.</param>
/// <param name="Address">Its end, as this node sees it.</param>
/// <param name="Since">When the connection came up.</param>
/// <param name="RoundTripMilliseconds">Null before the first measurement.</param>
/// <param name="LimitBytes">What the relay lets pass; null for no limit.</param>
public sealed record PeerPathView(
    string Peer, bool IsMember, string Path, string Address, DateTimeOffset Since, double? RoundTripMilliseconds, long? LimitBytes);
