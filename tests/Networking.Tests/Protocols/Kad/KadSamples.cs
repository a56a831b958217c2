using System.Buffers.Binary;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

/// <summary>Peers by number, without keys: the DHT looks at their ids only.</summary>
internal static class KadSamples
{
    public static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    public static PeerId Id(int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        byte[] multihash = [0x12, 32, .. SHA256.HashData(bytes)];
        return PeerId.TryFromBytes(multihash, out PeerId? peer) ? peer : throw new InvalidOperationException();
    }

    /// <summary>A peer on an address that is not public, which no limit by group counts.</summary>
    public static KadPeer Peer(int number) => Peer(number, $"10.0.{number >> 8 & 255}.{number & 255}");

    public static KadPeer Peer(int number, string ip) => new(Id(number), [Multiaddr.Parse($"/ip4/{ip}/tcp/4001")]);

    /// <summary>Numbers of peers that share exactly so many leading bits with a place.</summary>
    public static IEnumerable<int> WithPrefix(KadKey key, int bits, int from = 1) =>
        Enumerable.Range(from, 1_000_000).Where(i => KadKey.Of(Id(i)).CommonPrefixLength(key) == bits);
}
