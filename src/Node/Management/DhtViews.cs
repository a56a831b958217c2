namespace P2PLearn.Node.Management;

/// <summary>The distributed hash table of a node: the shape of <c>GET /dht</c>.</summary>
/// <param name="Server">It answers others.</param>
/// <param name="Protocol">Which network.</param>
/// <param name="Peers">Servers in the routing table.</param>
/// <param name="Records">Values held for others.</param>
/// <param name="RecordBytes">Bytes of them.</param>
/// <param name="Providers">Pairs of key and provider held for others.</param>
/// <param name="Announcements">Values and keys of its own that it tells again.</param>
public sealed record DhtView(bool Server, string Protocol, int Peers, int Records, long RecordBytes, int Providers, int Announcements);

/// <summary>What became of a value that was put, or a key that is provided.</summary>
/// <param name="Key">Under which it is found.</param>
/// <param name="Stored">Other nodes that took it.</param>
/// <param name="Asked">Nodes that were asked to.</param>
public sealed record DhtStoredView(string Key, int Stored, int Asked);

/// <summary>A value that was found.</summary>
/// <param name="Key">Under which.</param>
/// <param name="Value">The bytes, in base64 in JSON.</param>
/// <param name="Owner">Who signed it.</param>
/// <param name="Sequence">Grows with each new value.</param>
/// <param name="Expires">When it ends unless its owner puts it again.</param>
/// <param name="Holders">Nodes that had it, as far as they were asked.</param>
/// <param name="Hops">Requests in turn that led to the first of them.</param>
public sealed record DhtValueView(string Key, byte[] Value, string Owner, ulong Sequence, DateTimeOffset Expires, int Holders, int Hops);

/// <summary>A peer and where it is.</summary>
/// <param name="Peer">Its peer id.</param>
/// <param name="Addresses">Where it may be dialled.</param>
public sealed record DhtPeerView(string Peer, IReadOnlyList<string> Addresses);
