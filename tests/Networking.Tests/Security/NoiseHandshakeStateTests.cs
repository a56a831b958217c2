using System.Buffers;
using System.Security.Cryptography;
using CsCheck;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Security.Wire;

namespace P2PLearn.Networking.Tests.Security;

public sealed class NoiseHandshakeStateTests : IDisposable
{
    private readonly KeyPair _alice = KeyPair.FromSeed([.. Enumerable.Repeat((byte)1, 32)]);
    private readonly KeyPair _bob = KeyPair.FromSeed([.. Enumerable.Repeat((byte)2, 32)]);

    public void Dispose()
    {
        _alice.Dispose();
        _bob.Dispose();
    }

    [Theory]
    [InlineData("a,b", "b,a", "a")] // the initiator's order decides
    [InlineData("x,b", "b,a", "b")]
    [InlineData("", "a", null)] // no list from one side: negotiate over the channel
    [InlineData("a", "", null)]
    [InlineData("", "", null)]
    public void The_muxer_is_the_first_of_the_initiators_that_the_responder_has(string ours, string theirs, string? expected)
    {
        using NoiseHandshakeState initiator = Initiator(muxers: Split(ours));
        using NoiseHandshakeState responder = Responder(muxers: Split(theirs));
        Assert.Equal(EndReason.None, Step(initiator, responder));
        Assert.Equal(EndReason.None, Step(responder, initiator));
        Assert.Equal(EndReason.None, Step(initiator, responder));
        Assert.True(initiator.IsComplete && responder.IsComplete);
        Assert.Equal((expected, expected), (initiator.Muxer, responder.Muxer));
        Assert.Equal((_bob.PeerId, _alice.PeerId), (initiator.RemoteKey!.PeerId, responder.RemoteKey!.PeerId));
    }

    [Fact]
    public void Lists_without_overlap_fail()
    {
        using NoiseHandshakeState initiator = Initiator(muxers: ["/a"]);
        using NoiseHandshakeState responder = Responder(muxers: ["/b"]);
        Step(initiator, responder);
        Assert.Equal(EndReason.ProtocolNotSupported, Step(responder, initiator));
    }

    [Fact]
    public void Another_peer_than_expected_fails_on_either_side()
    {
        using NoiseHandshakeState initiator = Initiator(expected: _alice.PeerId);
        using NoiseHandshakeState responder = Responder();
        Step(initiator, responder);
        Assert.Equal(EndReason.PeerIdMismatch, Step(responder, initiator));
        Assert.Equal(_bob.PeerId, initiator.RemoteKey!.PeerId);

        using NoiseHandshakeState second = Initiator();
        using NoiseHandshakeState strict = Responder(expected: _bob.PeerId);
        Step(second, strict);
        Step(strict, second);
        Assert.Equal(EndReason.PeerIdMismatch, Step(second, strict));
    }

    [Fact]
    public void An_identity_that_did_not_sign_the_static_key_fails()
    {
        // Mallory sends Alice's key with a signature of her own.
        using NoiseHandshakeState initiator = Initiator();
        using var responder = new RawSide(NoiseRole.Responder);
        var payload = new NoiseHandshakePayload
        {
            IdentityKey = ByteString.CopyFrom(_alice.PublicKey.Protobuf),
            IdentitySig = ByteString.CopyFrom(_bob.Sign([.. "noise-libp2p-static-key:"u8, .. responder.StaticPublic])),
        };
        Assert.Equal(EndReason.AuthenticationFailed, initiator.Read(responder.SecondMessage(First(initiator), payload.ToByteArray())));
    }

    [Theory]
    [InlineData("")] // no identity
    [InlineData("0a00")]
    [InlineData("ffffffff")] // not protobuf
    public void A_payload_without_an_identity_is_malformed(string hex)
    {
        using NoiseHandshakeState initiator = Initiator();
        using var responder = new RawSide(NoiseRole.Responder);
        byte[] message = responder.SecondMessage(First(initiator), Convert.FromHexString(hex));
        Assert.Equal(EndReason.MalformedMessage, initiator.Read(message));
    }

    [Fact]
    public void An_identity_of_a_type_that_we_do_not_verify_fails()
    {
        byte[] secp = TestVectors.Entries("keys").First(entry => entry.Text("type") == "secp256k1").Hex("publicKeyProtobuf");
        using NoiseHandshakeState initiator = Initiator();
        using var responder = new RawSide(NoiseRole.Responder);
        var payload = new NoiseHandshakePayload { IdentityKey = ByteString.CopyFrom(secp), IdentitySig = ByteString.Empty };
        Assert.Equal(EndReason.AuthenticationFailed, initiator.Read(responder.SecondMessage(First(initiator), payload.ToByteArray())));
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p - 1
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")] // order 8
    public void A_point_of_low_order_is_refused_by_both_sides(string hex)
    {
        byte[] point = Convert.FromHexString(hex);
        using NoiseHandshakeState responder = Responder();
        Assert.Equal(EndReason.AuthenticationFailed, responder.Read(point));
        using NoiseHandshakeState initiator = Initiator();
        First(initiator);
        Assert.Equal(EndReason.AuthenticationFailed, initiator.Read([.. point, .. new byte[200]]));
    }

    [Fact]
    public void Message_1_is_an_ephemeral_key_and_nothing_else()
    {
        foreach (int length in new[] { 0, 31, 33, 96 })
        {
            using NoiseHandshakeState responder = Responder();
            Assert.Equal(EndReason.MalformedMessage, responder.Read(new byte[length]));
        }
    }

    [Fact]
    public void Messages_out_of_turn_are_bugs_and_a_failed_state_is_dead()
    {
        using NoiseHandshakeState initiator = Initiator();
        using NoiseHandshakeState responder = Responder();
        Assert.Throws<InvalidOperationException>(() => responder.Write(new ArrayBufferWriter<byte>()));
        Assert.Throws<InvalidOperationException>(() => initiator.Read(new byte[32]));
        Assert.Equal(EndReason.MalformedMessage, responder.Read([]));
        Assert.False(responder.WritesNext);
        Assert.Throws<InvalidOperationException>(() => responder.Read(new byte[32]));
        Assert.Throws<InvalidOperationException>(() => responder.Write(new ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void Any_changed_byte_of_messages_2_and_3_is_noticed()
    {
        Gen.Select(Gen.Bool, Gen.Int[0, 1 << 20], Gen.Int[0, 7]).Sample((third, at, bit) =>
        {
            using NoiseHandshakeState initiator = Initiator();
            using NoiseHandshakeState responder = Responder();
            Step(initiator, responder);
            if (third)
            {
                Step(responder, initiator);
            }

            (NoiseHandshakeState from, NoiseHandshakeState to) = third ? (initiator, responder) : (responder, initiator);
            byte[] message = Message(from);
            message[at % message.Length] ^= (byte)(1 << bit);

            // The top bit of an ephemeral key has no meaning for X25519, but the transcript covers it.
            return to.Read(message) is EndReason.AuthenticationFailed or EndReason.MalformedMessage;
        }, iter: 150);
    }

    [Fact]
    public void Hostile_messages_never_throw() => Hostile.Bytes(new byte[32], new byte[218]).Sample(bytes =>
    {
        using NoiseHandshakeState responder = Responder();
        using NoiseHandshakeState initiator = Initiator();
        First(initiator);
        _ = responder.Read(bytes);
        Assert.NotEqual(EndReason.None, initiator.Read(bytes));
    }, iter: 200);

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static byte[] Message(NoiseHandshakeState from)
    {
        var output = new ArrayBufferWriter<byte>();
        from.Write(output);
        return output.WrittenSpan[2..].ToArray();
    }

    private static byte[] First(NoiseHandshakeState initiator) => Message(initiator);

    private static EndReason Step(NoiseHandshakeState from, NoiseHandshakeState to) => to.Read(Message(from));

    private NoiseHandshakeState Initiator(PeerId? expected = null, string[]? muxers = null) =>
        new(new NoiseHandshakeSetup(NoiseRole.Initiator, _alice, expected, muxers ?? []));

    private NoiseHandshakeState Responder(PeerId? expected = null, string[]? muxers = null) =>
        new(new NoiseHandshakeSetup(NoiseRole.Responder, _bob, expected, muxers ?? []));

    /// <summary>A responder that follows Noise and sends any payload.</summary>
    private sealed class RawSide(NoiseRole role) : IDisposable
    {
        private readonly NoiseKey _static = NoiseKey.Generate();
        private readonly NoiseKey _ephemeral = NoiseKey.Generate();
        private readonly NoiseSymmetricState _symmetric = new("Noise_XX_25519_ChaChaPoly_SHA256"u8, []);

        public byte[] StaticPublic => _static.Public;

        public byte[] SecondMessage(byte[] first, byte[] payload)
        {
            Assert.Equal(NoiseRole.Responder, role);
            _symmetric.MixHash(first);
            _symmetric.MixHash([]);
            _symmetric.MixHash(_ephemeral.Public);
            Mix(_ephemeral, first);
            byte[] message = new byte[32 + 48 + payload.Length + 16];
            _ephemeral.Public.CopyTo(message, 0);
            _symmetric.EncryptAndHash(_static.Public, message.AsSpan(32));
            Mix(_static, first);
            _symmetric.EncryptAndHash(payload, message.AsSpan(80));
            return message;
        }

        public void Dispose()
        {
            _static.Dispose();
            _ephemeral.Dispose();
            _symmetric.Dispose();
        }

        private void Mix(NoiseKey ours, byte[] theirs)
        {
            Assert.True(ours.TryAgree(theirs, out byte[]? secret));
            _symmetric.MixKey(secret);
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
