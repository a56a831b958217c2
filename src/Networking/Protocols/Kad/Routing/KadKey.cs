using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>A place in the key space: the SHA-256 of a peer id, a record's key or a multihash.</summary>
/// <remarks>Source: libp2p specs, kad-dht, "Distance". 256 bits, most significant first.</remarks>
internal readonly struct KadKey : IEquatable<KadKey>
{
    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    private KadKey(ReadOnlySpan<byte> hash)
    {
        _a = BinaryPrimitives.ReadUInt64BigEndian(hash);
        _b = BinaryPrimitives.ReadUInt64BigEndian(hash[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(hash[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(hash[24..]);
    }

    /// <summary>The place of a key.</summary>
    public static KadKey Of(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return new KadKey(hash);
    }

    /// <summary>The place of a peer.</summary>
    public static KadKey Of(PeerId peer) => Of(peer.Bytes);

    /// <summary>XOR of two places.</summary>
    public Distance DistanceTo(KadKey other) => new(_a ^ other._a, _b ^ other._b, _c ^ other._c, _d ^ other._d);

    /// <summary>Leading bits that two places share, in [0, 256].</summary>
    public int CommonPrefixLength(KadKey other) => DistanceTo(other).LeadingZeros;

    /// <inheritdoc/>
    public bool Equals(KadKey other) => (_a, _b, _c, _d) == (other._a, other._b, other._c, other._d);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KadKey other && Equals(other);

    /// <summary>Seeded by the process: strangers choose keys, and must not make them collide in our tables.</summary>
    public override int GetHashCode() => HashCode.Combine(_a, _b, _c, _d);

    /// <summary>How far two places are from each other, an unsigned number of 256 bits.</summary>
    internal readonly record struct Distance(ulong A, ulong B, ulong C, ulong D) : IComparable<Distance>
    {
        /// <summary>In [0, 256]; 256 for no distance.</summary>
        public int LeadingZeros =>
            A != 0 ? BitOperations.LeadingZeroCount(A)
            : B != 0 ? 64 + BitOperations.LeadingZeroCount(B)
            : C != 0 ? 128 + BitOperations.LeadingZeroCount(C)
            : 192 + BitOperations.LeadingZeroCount(D);

        /// <inheritdoc/>
        public int CompareTo(Distance other)
        {
            int order = A.CompareTo(other.A);
            order = order != 0 ? order : B.CompareTo(other.B);
            order = order != 0 ? order : C.CompareTo(other.C);
            return order != 0 ? order : D.CompareTo(other.D);
        }
    }
}
