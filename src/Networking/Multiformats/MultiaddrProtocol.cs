using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Networking.Multiformats;

/// <summary>What the value of an address component is.</summary>
internal enum MultiaddrValueKind
{
    None,
    IPv4,
    IPv6,
    Port,
    PrefixLength,
    Name,
    Peer,
    Hash,
    FilePath,
    HttpPath,
    Decimal,
}

/// <summary>One row of the multiaddr protocol table.</summary>
/// <remarks>Source: multiformats multiaddr, protocols.csv. An unknown code cannot be stepped over: its size is unknown.</remarks>
public sealed class MultiaddrProtocol
{
    /// <summary>IPv4 address.</summary>
    public static readonly MultiaddrProtocol IP4 = new(4, "ip4", MultiaddrValueKind.IPv4);

    /// <summary>TCP port.</summary>
    public static readonly MultiaddrProtocol Tcp = new(6, "tcp", MultiaddrValueKind.Port);

    /// <summary>IPv6 address.</summary>
    public static readonly MultiaddrProtocol IP6 = new(41, "ip6", MultiaddrValueKind.IPv6);

    /// <summary>Zone of the IPv6 address that follows.</summary>
    public static readonly MultiaddrProtocol IP6Zone = new(42, "ip6zone", MultiaddrValueKind.Name);

    /// <summary>A name with addresses of both families.</summary>
    public static readonly MultiaddrProtocol Dns = new(53, "dns", MultiaddrValueKind.Name);

    /// <summary>A name with IPv4 addresses.</summary>
    public static readonly MultiaddrProtocol Dns4 = new(54, "dns4", MultiaddrValueKind.Name);

    /// <summary>A name with IPv6 addresses.</summary>
    public static readonly MultiaddrProtocol Dns6 = new(55, "dns6", MultiaddrValueKind.Name);

    /// <summary>A name whose TXT records hold multiaddrs.</summary>
    public static readonly MultiaddrProtocol DnsAddr = new(56, "dnsaddr", MultiaddrValueKind.Name);

    /// <summary>UDP port.</summary>
    public static readonly MultiaddrProtocol Udp = new(273, "udp", MultiaddrValueKind.Port);

    /// <summary>A circuit through the relay before it.</summary>
    public static readonly MultiaddrProtocol P2PCircuit = new(290, "p2p-circuit", MultiaddrValueKind.None);

    /// <summary>A peer id.</summary>
    public static readonly MultiaddrProtocol P2P = new(421, "p2p", MultiaddrValueKind.Peer);

    /// <summary>QUIC version 1.</summary>
    public static readonly MultiaddrProtocol QuicV1 = new(461, "quic-v1", MultiaddrValueKind.None);

    /// <summary>An address within the process.</summary>
    public static readonly MultiaddrProtocol Memory = new(777, "memory", MultiaddrValueKind.Decimal);

    private static readonly MultiaddrProtocol[] All =
    [
        IP4, Tcp, IP6, IP6Zone, Dns, Dns4, Dns6, DnsAddr, Udp, P2PCircuit, P2P, QuicV1, Memory,
        new(43, "ipcidr", MultiaddrValueKind.PrefixLength),
        new(280, "webrtc-direct", MultiaddrValueKind.None),
        new(281, "webrtc", MultiaddrValueKind.None),
        new(400, "unix", MultiaddrValueKind.FilePath),
        new(443, "https", MultiaddrValueKind.None),
        new(448, "tls", MultiaddrValueKind.None),
        new(449, "sni", MultiaddrValueKind.Name),
        new(454, "noise", MultiaddrValueKind.None),
        new(465, "webtransport", MultiaddrValueKind.None),
        new(466, "certhash", MultiaddrValueKind.Hash),
        new(477, "ws", MultiaddrValueKind.None),
        new(478, "wss", MultiaddrValueKind.None),
        new(480, "http", MultiaddrValueKind.None),
        new(481, "http-path", MultiaddrValueKind.HttpPath),
    ];

    private static readonly FrozenDictionary<ulong, MultiaddrProtocol> ByCode = All.ToFrozenDictionary(p => (ulong)p.Code);

    private static readonly FrozenDictionary<string, MultiaddrProtocol> ByName =
        All.Append(P2P).Select((p, i) => (Name: i == All.Length ? "ipfs" : p.Name, Protocol: p))
            .ToFrozenDictionary(entry => entry.Name, entry => entry.Protocol, StringComparer.Ordinal);

    private MultiaddrProtocol(uint code, string name, MultiaddrValueKind kind)
    {
        Code = code;
        Name = name;
        Kind = kind;
    }

    /// <summary>The code in the binary form.</summary>
    public uint Code { get; }

    /// <summary>The name in the text form.</summary>
    public string Name { get; }

    internal MultiaddrValueKind Kind { get; }

    /// <summary>Bytes of the value, or null when a length goes before it.</summary>
    internal int? FixedBytes => Kind switch
    {
        MultiaddrValueKind.None => 0,
        MultiaddrValueKind.IPv4 => 4,
        MultiaddrValueKind.IPv6 => 16,
        MultiaddrValueKind.Port => 2,
        MultiaddrValueKind.PrefixLength => 1,
        _ => null,
    };

    /// <summary>Looks a protocol up by its code.</summary>
    public static bool TryGet(ulong code, [NotNullWhen(true)] out MultiaddrProtocol? protocol) =>
        ByCode.TryGetValue(code, out protocol);

    /// <summary>Looks a protocol up by its name; <c>ipfs</c> is an old name of <c>p2p</c>.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out MultiaddrProtocol? protocol) =>
        ByName.TryGetValue(name, out protocol);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
