namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What a message asks or answers (kad-dht, RPC messages).</summary>
internal enum KadMessageType
{
    /// <summary>Keep this record; echoed.</summary>
    PutValue = 0,

    /// <summary>The record of a key, and who is closer to it.</summary>
    GetValue = 1,

    /// <summary>The sender provides this key; not answered.</summary>
    AddProvider = 2,

    /// <summary>Who provides a key, and who is closer to it.</summary>
    GetProviders = 3,

    /// <summary>Who is closest to a key.</summary>
    FindNode = 4,

    /// <summary>Echoed; nobody sends it any more.</summary>
    Ping = 5,
}

/// <summary>One message of the DHT, request or answer, as checked by the codec. Not to be changed once made.</summary>
internal sealed record KadMessage
{
    /// <summary>What it is.</summary>
    public required KadMessageType Type { get; init; }

    /// <summary>Raw bytes: a peer id, a record's key or a multihash; at most <see cref="KadLimits.MaxKeyBytes"/>.</summary>
    public ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The record put, or found.</summary>
    public ValueRecord? Record { get; init; }

    /// <summary>Peers closer to the key; at most <see cref="KadLimits.MaxCloserPeers"/>.</summary>
    public IReadOnlyList<KadPeer> CloserPeers { get; init; } = [];

    /// <summary>Providers of the key; at most <see cref="KadLimits.MaxProviderPeers"/>.</summary>
    public IReadOnlyList<KadPeer> ProviderPeers { get; init; } = [];
}
