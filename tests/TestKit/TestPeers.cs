using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;

namespace P2PLearn.TestKit;

/// <summary>Peers that are the same in every run: number i always has the same Ed25519 key and the same peer id.</summary>
public static class TestPeers
{
    private static readonly ConcurrentDictionary<int, PeerId> Ids = new();

    /// <summary>The peer id of number <paramref name="index"/>: identity multihash of its Ed25519 public key, 36 bytes before base58.</summary>
    public static PeerId Id(int index) => Ids.GetOrAdd(index, CreateId);

    /// <summary>The first <paramref name="count"/> peer ids.</summary>
    public static IReadOnlyList<PeerId> List(int count) => [.. Enumerable.Range(0, count).Select(Id)];

    /// <summary>The 32 bytes from which the Ed25519 key of number <paramref name="index"/> is made.</summary>
    public static byte[] Seed(int index)
    {
        Span<byte> input = stackalloc byte[20];
        "p2plearn-testkit"u8.CopyTo(input);
        BinaryPrimitives.WriteInt32BigEndian(input[16..], index);
        return SHA256.HashData(input);
    }

    /// <summary>The key pair of number <paramref name="index"/>; the caller disposes it.</summary>
    public static KeyPair Key(int index) => KeyPair.FromSeed(Seed(index));

    private static PeerId CreateId(int index)
    {
        using KeyPair key = Key(index);
        return key.PeerId;
    }
}
