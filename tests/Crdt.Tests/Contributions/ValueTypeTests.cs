using System.Security.Cryptography;
using CsCheck;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ValueTypeTests
{
    [Fact]
    public void Hashes_order_as_their_bytes_do_and_round_trip() =>
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[32], Gen.Int[0, 31]).Check(test =>
        {
            (byte[] left, byte[] right, int common) = test;
            left.AsSpan(0, common).CopyTo(right);
            Hash256 a = Hash256.FromBytes(left);
            Hash256 b = Hash256.FromBytes(right);

            Assert.Equal(Math.Sign(left.AsSpan().SequenceCompareTo(right)), Math.Sign(a.CompareTo(b)));
            Assert.Equal(a.CompareTo(b) < 0, a < b);
            Assert.Equal(left, a.ToByteArray());
            Assert.Equal(Convert.ToHexStringLower(left), a.ToString());
            Assert.True(Hash256.TryParse(a.ToString(), out Hash256 parsed));
            Assert.Equal(a, parsed);
            Assert.True(RunId.TryParse(a.ToString().ToUpperInvariant(), out RunId run));
            Assert.Equal(RunId.FromBytes(left), run);
            Assert.Equal(
                Math.Sign(left.AsSpan().SequenceCompareTo(right)),
                Math.Sign(Signature64.FromBytes([.. left, .. left]).CompareTo(Signature64.FromBytes([.. left, .. right]))));
        });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void Text_that_is_no_hash_is_refused(string? text)
    {
        Assert.False(Hash256.TryParse(text, out _));
        Assert.False(RunId.TryParse(text, out _));
    }

    [Fact]
    public void Another_length_is_a_bug_of_the_caller()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Hash256.FromBytes(new byte[31]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RunId.FromBytes(new byte[33]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Signature64.FromBytes(new byte[63]));
    }

    [Fact]
    public void A_hash_and_a_run_id_are_the_sha_256_of_what_they_name()
    {
        Assert.Equal(SHA256.HashData("abc"u8), Hash256.Of("abc"u8).ToByteArray());
        Assert.Equal(SHA256.HashData("abc"u8), RunId.Of("abc"u8).ToByteArray());
    }
}
