using System.Buffers;
using System.Text;
using System.Text.Json;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Security;

namespace P2PLearn.Networking.Tests.Security;

public sealed class NoiseVectorTests
{
    [Fact]
    public void The_handshake_of_js_libp2p_is_reproduced_byte_for_byte()
    {
        JsonElement vector = TestVectors.Section("noise");
        using NoiseHandshakeState initiator = Side(vector, "initiator", NoiseRole.Initiator, "responder");
        using NoiseHandshakeState responder = Side(vector, "responder", NoiseRole.Responder, "initiator");

        foreach (JsonElement message in vector.GetProperty("handshake").EnumerateArray())
        {
            bool forth = message.Text("who") == "initiator";
            (NoiseHandshakeState from, NoiseHandshakeState to) = forth ? (initiator, responder) : (responder, initiator);
            Assert.True(from.WritesNext);
            Assert.False(to.WritesNext);
            var output = new ArrayBufferWriter<byte>();
            from.Write(output);
            Assert.Equal(message.Text("hex"), Convert.ToHexStringLower(output.WrittenSpan));
            Assert.Equal(EndReason.None, to.Read(output.WrittenSpan[2..]));
        }

        Assert.True(initiator.IsComplete && responder.IsComplete);
        Assert.Equal(vector.Text("negotiatedMuxer"), initiator.Muxer);
        Assert.Equal(vector.Text("negotiatedMuxer"), responder.Muxer);
        Assert.Equal(vector.GetProperty("responder").Text("peerId"), initiator.RemoteKey!.PeerId.ToString());
        Assert.Equal(vector.GetProperty("initiator").Text("peerId"), responder.RemoteKey!.PeerId.ToString());
        CheckTransport(vector, initiator, responder);
    }

    private static void CheckTransport(JsonElement vector, NoiseHandshakeState initiator, NoiseHandshakeState responder)
    {
        (NoiseCipherState initiatorSend, NoiseCipherState initiatorReceive) = initiator.Split();
        (NoiseCipherState responderSend, NoiseCipherState responderReceive) = responder.Split();
        foreach (JsonElement frame in vector.GetProperty("transport").EnumerateArray())
        {
            bool forth = frame.Text("who") == "initiator";
            byte[] plaintext = Encoding.UTF8.GetBytes(frame.Text("plaintext"));
            byte[] message = new byte[plaintext.Length + NoiseFrame.TagBytes];
            (forth ? initiatorSend : responderSend).Seal([], plaintext, message);
            Assert.Equal(frame.Text("hex")[4..], Convert.ToHexStringLower(message));
            byte[] opened = new byte[plaintext.Length];
            Assert.True((forth ? responderReceive : initiatorReceive).TryOpen([], message, opened));
            Assert.Equal(plaintext, opened);
        }

        foreach (NoiseCipherState cipher in new[] { initiatorSend, initiatorReceive, responderSend, responderReceive })
        {
            cipher.Dispose();
        }
    }

    private static NoiseHandshakeState Side(JsonElement vector, string name, NoiseRole role, string remote)
    {
        JsonElement side = vector.GetProperty(name);
        string[] muxers = [.. side.GetProperty("muxers").EnumerateArray().Select(muxer => muxer.GetString()!)];
        KeyPair identity = KeyPair.FromSeed(side.Hex("identitySeed"));
        PeerId expected = PeerId.Parse(vector.GetProperty(remote).Text("peerId"));
        return new NoiseHandshakeState(
            new NoiseHandshakeSetup(role, identity, expected, muxers),
            NoiseKey.FromPrivate(side.Hex("staticPrivate")),
            NoiseKey.FromPrivate(side.Hex("ephemeralPrivate")));
    }
}
