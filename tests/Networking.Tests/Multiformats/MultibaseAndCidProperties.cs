using CsCheck;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Multiformats;

public sealed class MultibaseAndCidProperties
{
    private static readonly Gen<MultibaseEncoding> Encoding = Gen.Int[0, 4].Select(i => Enum.GetValues<MultibaseEncoding>()[i]);

    private static readonly byte[][] ValidCids =
        [.. TestVectors.Entries("cid").SelectMany(entry => new[] { entry.Hex("v0hex"), entry.Hex("v1hex") })];

    [Fact]
    public void Bytes_round_trip_in_every_base() => Gen.Select(Encoding, Gen.Byte.Array[0, 100]).Sample((encoding, bytes) =>
        Multibase.TryDecode(Multibase.Encode(encoding, bytes), out byte[]? decoded) && decoded.AsSpan().SequenceEqual(bytes));

    [Fact]
    public void Text_that_is_read_is_canonical() => Gen.Select(Encoding, Gen.String[Gen.Char[' ', 'ÿ'], 0, 60]).Sample((encoding, body) =>
    {
        string text = (char)encoding + body;
        return !Multibase.TryDecode(text, out byte[]? bytes)
            || Multibase.Encode(encoding, bytes).Equals(text, StringComparison.OrdinalIgnoreCase);
    });

    [Theory]
    [InlineData("")]
    [InlineData("Q")]
    [InlineData("mAAAA")] // a base that we do not read
    [InlineData("bAB")] // bits left over
    [InlineData("bme======")] // padding
    [InlineData("uAA==")]
    [InlineData("uAB")] // bits left over
    [InlineData("f0")]
    [InlineData("z0OIl")] // not in the alphabet
    [InlineData("z\u007f")] // beyond the alphabet table of the library underneath
    public void Other_text_is_refused(string text) => Assert.False(Multibase.TryDecode(text, out _));

    [Fact]
    public void Overlong_text_is_refused_before_the_quadratic_work() =>
        Assert.False(Multibase.TryDecode("z" + new string('z', Multibase.MaxTextLength), out _));

    [Fact]
    public void Alphabets_without_case_are_read_in_either() =>
        Assert.True(Multibase.TryDecode("bME", out byte[]? bytes) && bytes is [0x61]);

    [Fact]
    public void Hostile_bytes_give_a_cid_with_the_same_bytes_or_none() => Hostile.Bytes(ValidCids).Sample(bytes =>
        !Cid.TryFromBytes(bytes, out Cid? cid)
            || (cid.Bytes.SequenceEqual(bytes) && Cid.TryParse(cid.ToString(), out Cid? again) && again == cid));

    [Fact]
    public void Hostile_text_gives_a_cid_or_none_but_never_throws() => Gen.OneOf(
        Gen.String[0, 60], Gen.String[Gen.Char['0', 'z'], 44, 46].Select(text => "Qm" + text)).Sample(text =>
    {
        if (Cid.TryParse(text, out Cid? cid))
        {
            Assert.True(Cid.TryParse(cid.ToString(), out Cid? again) && again == cid);
        }
    });

    [Fact]
    public void Version_0_has_one_text_only()
    {
        Cid cid = Cid.CreateVersion0(Multihash.Sha256([1]));
        Assert.False(Cid.TryParse("z" + cid, out _));
        Assert.Throws<InvalidOperationException>(() => cid.ToString(MultibaseEncoding.Base32));
        Assert.Throws<ArgumentException>(() => Cid.CreateVersion0(Multihash.Create(Multicodec.Identity, [1])));
    }

    [Fact]
    public void A_cid_knows_its_content()
    {
        Cid cid = Cid.ForRaw([1, 2, 3]);
        Assert.True(cid.Matches([1, 2, 3]));
        Assert.False(cid.Matches([1, 2, 4]));
        Assert.Equal(cid, Cid.ForRawDigest(cid.Hash.Digest));
        Assert.Equal(cid.GetHashCode(), Cid.ForRaw([1, 2, 3]).GetHashCode());
    }

    [Theory]
    [InlineData("121fe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8")] // truncated SHA-256
    [InlineData("1e00")] // no digest
    [InlineData("00ffffffffffffffff7f")] // 2^63 - 1 bytes announced
    [InlineData("12")]
    [InlineData("")]
    public void Bad_multihashes_are_refused(string hex) => Assert.False(Multihash.TryFromBytes(Convert.FromHexString(hex), out _));

    [Fact]
    public void Identity_digests_are_capped()
    {
        Assert.True(Multihash.TryCompute(Multicodec.Identity, new byte[Multihash.MaxDigestBytes], out Multihash? most));
        Assert.True(Multihash.TryFromBytes(most.Bytes, out _));
        Assert.False(Multihash.TryCompute(Multicodec.Identity, new byte[Multihash.MaxDigestBytes + 1], out _));
        byte[] over = [0x00, 0x81, 0x01, .. new byte[129]];
        Assert.False(Multihash.TryFromBytes(over, out _));
        Assert.Throws<ArgumentException>(() => Multihash.Create(Multicodec.Sha2With256Bits, [1]));
    }

    [Fact]
    public void Functions_that_are_not_computed_are_carried_but_match_nothing()
    {
        Multihash blake = Multihash.Create(Multicodec.Blake2bWith256Bits, new byte[32]);
        Assert.True(Multihash.TryFromBytes(blake.Bytes, out Multihash? read));
        Assert.Equal(blake, read);
        Assert.False(read.Matches([]));
    }
}
