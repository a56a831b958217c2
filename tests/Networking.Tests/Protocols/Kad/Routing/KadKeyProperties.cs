using System.Numerics;
using System.Security.Cryptography;
using CsCheck;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Routing;

public sealed class KadKeyProperties
{
    private static readonly Gen<byte[]> Bytes = Gen.Byte.Array[0, 40];

    [Fact]
    public void Distances_order_as_the_numbers_of_256_bits_do() => Gen.Select(Bytes, Bytes, Bytes).Sample((a, b, c) =>
    {
        KadKey x = KadKey.Of(a), y = KadKey.Of(b), z = KadKey.Of(c);
        Assert.Equal(
            BigDistance(a, b).CompareTo(BigDistance(a, c)), x.DistanceTo(y).CompareTo(x.DistanceTo(z)));
    });

    [Fact]
    public void The_common_prefix_is_that_of_the_hashes() => Gen.Select(Bytes, Bytes).Sample((a, b) =>
    {
        BigInteger distance = BigDistance(a, b);
        Assert.Equal(256 - (int)distance.GetBitLength(), KadKey.Of(a).CommonPrefixLength(KadKey.Of(b)));
    });

    [Fact]
    public void Distance_is_a_metric() => Gen.Select(Bytes, Bytes).Sample((a, b) =>
    {
        KadKey x = KadKey.Of(a), y = KadKey.Of(b);
        Assert.Equal(x.DistanceTo(y), y.DistanceTo(x));
        Assert.Equal(x.Equals(y), x.DistanceTo(y) == default);
        Assert.Equal(256, x.CommonPrefixLength(x));
    });

    private static BigInteger BigDistance(byte[] a, byte[] b) =>
        new BigInteger(SHA256.HashData(a), isUnsigned: true, isBigEndian: true)
        ^ new BigInteger(SHA256.HashData(b), isUnsigned: true, isBigEndian: true);
}
