using System.Formats.Asn1;
using System.Numerics;
using CsCheck;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Tests.Identity;

public sealed class KeyTests
{
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)0x11, 32)];

    private static readonly byte[][] ValidKeys =
        [.. TestVectors.Entries("keys").SelectMany(entry => new[] { entry.Hex("publicKeyProtobuf"), entry.Hex("privateKeyProtobuf") })];

    [Fact]
    public void Hostile_bytes_give_a_key_that_encodes_again_or_none() => Hostile.Bytes(ValidKeys).Sample(bytes =>
    {
        if (PublicKey.TryFromProtobuf(bytes, out PublicKey? key))
        {
            Assert.True(PublicKey.TryFromProtobuf(key.Protobuf, out PublicKey? again));
            Assert.Equal(key, again);
            Assert.NotEqual(SignatureCheck.Valid, key.Verify(bytes, new byte[64]));
        }
    });

    [Fact]
    public void Hostile_bytes_give_a_private_key_or_none() => Hostile.Bytes(ValidKeys).Sample(bytes =>
    {
        if (KeyPair.TryFromProtobuf(bytes, out KeyPair? pair))
        {
            pair.Dispose();
        }
    }, iter: 300);

    [Theory]
    [InlineData(1024, false)]
    [InlineData(2047, false)]
    [InlineData(2048, true)]
    [InlineData(8192, true)]
    [InlineData(8193, false)]
    [InlineData(16384, false)]
    public void Rsa_keys_have_2048_to_8192_bits(int bits, bool accepted)
    {
        byte[] data = RsaPkix(bits);
        byte[] protobuf = [0x08, 0x00, 0x12, .. Length(data.Length), .. data];
        Assert.Equal(accepted, PublicKey.TryFromProtobuf(protobuf, out PublicKey? key));
        if (key is not null)
        {
            Assert.Equal(KeyType.Rsa, key.Type);
            Assert.Equal(protobuf, key.Protobuf); // starts 08 00: a zero type is written too
            Assert.StartsWith("Qm", key.PeerId.ToString());
            Assert.False(key.PeerId.TryGetPublicKey(out _));
            Assert.Equal(SignatureCheck.UnsupportedKeyType, key.Verify([1], new byte[bits / 8]));
        }
    }

    [Theory]
    [InlineData("1220" + "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737")] // no type
    [InlineData("0801")] // no data
    [InlineData("0801121fd04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c97787")] // 31 bytes
    [InlineData("08041220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737")] // type 4
    [InlineData("08021221047777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99")] // no compressed point
    [InlineData("")]
    public void Incomplete_and_unknown_keys_are_refused(string hex) =>
        Assert.False(PublicKey.TryFromProtobuf(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_key_beyond_the_size_limit_is_refused_before_it_is_parsed()
    {
        byte[] padding = [0x1a, .. Length(PublicKey.MaxProtobufBytes), .. new byte[PublicKey.MaxProtobufBytes]];
        byte[] valid = ValidKeys[0];
        Assert.True(PublicKey.TryFromProtobuf([.. valid, 0x1a, 0x01, 0x00], out _)); // an unknown field alone does no harm
        Assert.False(PublicKey.TryFromProtobuf([.. valid, .. padding], out _));
    }

    [Fact]
    public void Old_private_keys_of_96_bytes_are_read_when_both_copies_match()
    {
        using KeyPair pair = KeyPair.FromSeed(Seed);
        byte[] current = pair.ToProtobuf();
        byte[] old = [0x08, 0x01, 0x12, 96, .. current[4..], .. pair.PublicKey.Data];
        Assert.True(KeyPair.TryFromProtobuf(old, out KeyPair? read));
        Assert.Equal(pair.PeerId, read.PeerId);
        read.Dispose();

        old[^1] ^= 1;
        Assert.False(KeyPair.TryFromProtobuf(old, out _));
        current[^1] ^= 1;
        Assert.False(KeyPair.TryFromProtobuf(current, out _));
    }

    [Fact]
    public void A_signature_holds_for_its_message_and_key_only()
    {
        using KeyPair pair = KeyPair.Generate();
        using KeyPair other = KeyPair.Generate();
        byte[] signature = pair.Sign("message"u8);
        Assert.Equal(SignatureCheck.Valid, pair.PublicKey.Verify("message"u8, signature));
        Assert.Equal(SignatureCheck.Invalid, pair.PublicKey.Verify("Message"u8, signature));
        Assert.Equal(SignatureCheck.Invalid, other.PublicKey.Verify("message"u8, signature));
        Assert.Equal(SignatureCheck.Invalid, pair.PublicKey.Verify("message"u8, signature.AsSpan(1)));
        Assert.NotEqual(pair.PeerId, other.PeerId);
        Assert.Throws<ArgumentException>(() => KeyPair.FromSeed(Seed.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => PublicKey.FromEd25519(Seed.AsSpan(1)));
    }

    private static byte[] RsaPkix(int bits)
    {
        BigInteger modulus = (BigInteger.One << (bits - 1)) + 1;
        var inner = new AsnWriter(AsnEncodingRules.DER);
        using (inner.PushSequence())
        {
            inner.WriteInteger(modulus);
            inner.WriteInteger(65537);
        }

        var outer = new AsnWriter(AsnEncodingRules.DER);
        using (outer.PushSequence())
        {
            using (outer.PushSequence())
            {
                outer.WriteObjectIdentifier("1.2.840.113549.1.1.1");
                outer.WriteNull();
            }

            outer.WriteBitString(inner.Encode());
        }

        return outer.Encode();
    }

    private static byte[] Length(int length)
    {
        byte[] bytes = new byte[Networking.Multiformats.Uvarint.GetLength((ulong)length)];
        Networking.Multiformats.Uvarint.Write(bytes, (ulong)length);
        return bytes;
    }
}
