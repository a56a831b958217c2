using System.Buffers;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

/// <summary>One side of a proof without a network: what it is told, what it says, and how it ends.</summary>
internal sealed class Prover
{
    private readonly MeshProof _proof;

    public Prover(MeshRole role, MeshOptions options, PeerId local, PeerId remote, byte[]? nonce = null)
    {
        _proof = new MeshProof(role, new MeshTerms(options), local, remote, nonce ?? Nonce((byte)(role == MeshRole.Initiator ? 1 : 2)));
        var output = new ArrayBufferWriter<byte>();
        _proof.Start(output);
        First = Split(output.WrittenSpan);
    }

    public static PeerId A => TestPeers.Id(1);

    public static PeerId B => TestPeers.Id(2);

    /// <summary>What it sends unasked.</summary>
    public byte[][] First { get; }

    public MeshVerdict? Verdict { get; private set; }

    public static byte[] Nonce(byte fill) => [.. Enumerable.Repeat(fill, MeshTerms.NonceBytes)];

    public static Prover Initiator(MeshOptions options) => new(MeshRole.Initiator, options, A, B);

    public static Prover Responder(MeshOptions options) => new(MeshRole.Responder, options, B, A);

    /// <summary>Takes messages in, up to a verdict.</summary>
    /// <returns>What it says to them.</returns>
    public byte[][] Take(params byte[][] messages)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (byte[] message in messages)
        {
            if (Verdict is null)
            {
                Verdict = _proof.Receive(message, output);
            }
        }

        return Split(output.WrittenSpan);
    }

    /// <summary>Lets the two talk until both are silent.</summary>
    /// <returns>All that was said, the initiator's and the responder's.</returns>
    public static (byte[][] Said, byte[][] Answered) Talk(Prover initiator, Prover responder)
    {
        List<byte[]> said = [], answered = [];
        byte[][] turn = initiator.First;
        while (turn.Length > 0)
        {
            said.AddRange(turn);
            byte[][] answer = responder.Take(turn);
            answered.AddRange(answer);
            turn = initiator.Take(answer);
        }

        return ([.. said], [.. answered]);
    }

    public static byte[][] Split(ReadOnlySpan<byte> frames)
    {
        List<byte[]> messages = [];
        while (!frames.IsEmpty)
        {
            Assert.Equal(OperationStatus.Done, Uvarint.Read(frames, out ulong length, out int prefix));
            messages.Add(frames.Slice(prefix, (int)length).ToArray());
            frames = frames[(prefix + (int)length)..];
        }

        return [.. messages];
    }
}
