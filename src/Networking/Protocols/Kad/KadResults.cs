using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What became of a value that was put.</summary>
/// <param name="Check">What our own validator said; when it is not valid nobody was asked.</param>
/// <param name="Asked">The closest peers, all asked to store it.</param>
/// <param name="Stored">Those that said they did.</param>
public sealed record KadPutResult(RecordCheck Check, int Asked, int Stored);

/// <summary>A value that was found.</summary>
/// <param name="Value">The best one.</param>
/// <param name="Holders">Who had it, as far as they were asked.</param>
/// <param name="Outdated">Who had a worse one; they are being told.</param>
/// <param name="Hops">Requests in turn that led to the first holder; 0 when it was held here.</param>
public sealed record KadValue(
    ReadOnlyMemory<byte> Value, IReadOnlyList<PeerId> Holders, IReadOnlyList<PeerId> Outdated, int Hops);

/// <summary>The DHT of a node at one moment.</summary>
/// <param name="IsServer">It answers others.</param>
/// <param name="Peers">Servers in the routing table.</param>
/// <param name="Records">Values held.</param>
/// <param name="RecordBytes">Bytes of them.</param>
/// <param name="Providers">Pairs of key and provider held.</param>
/// <param name="Announcements">Values and keys of its own that are told again.</param>
public sealed record KadStatus(
    bool IsServer, int Peers, int Records, long RecordBytes, int Providers, int Announcements);
