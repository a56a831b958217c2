using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Asks a node who is in its cluster, before joining it; and answers.</summary>
/// <remarks>Over streams that only admitted peers get. Wire format: <see cref="MembersCodec"/> and <c>docs/wire/membership.md</c>.</remarks>
internal sealed class MembersProtocol : IDisposable
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Id = new("/p2plearn/members/1.0.0");

    /// <summary>Questions answered at the same time: more than members of a cluster.</summary>
    public const int MaxAnswers = 64;

    /// <summary>Time for a question to arrive and the answer to be taken.</summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly Func<PeerId, bool, MembersAnswer> _answer;
    private readonly IDisposable _registration;
    private int _answering;

    /// <summary>Answers until disposed.</summary>
    /// <param name="streams">The network.</param>
    /// <param name="time">Clock of the limit.</param>
    /// <param name="answer">Gets the asker and whether it is about to join; must be quick.</param>
    /// <exception cref="InvalidOperationException">Somebody answers already at this node.</exception>
    public MembersProtocol(IPeerStreams streams, TimeProvider time, Func<PeerId, bool, MembersAnswer> answer)
    {
        _time = time;
        _answer = answer;
        _registration = streams.Handle(Id, AnswerAsync);
    }

    /// <summary>Asks a peer.</summary>
    /// <exception cref="IOException">It cannot be reached, or broke off.</exception>
    /// <exception cref="ProtocolViolationException">Its answer is none.</exception>
    public static async Task<MembersAnswer> AskAsync(IPeerStreams streams, PeerId peer, bool isJoining, CancellationToken cancellationToken)
    {
        await using PeerStream stream = await streams.OpenStreamAsync(peer, Id, cancellationToken);
        await stream.WriteAsync(new[] { isJoining ? (byte)1 : (byte)0 }, cancellationToken);
        await stream.CloseWriteAsync(cancellationToken);
        byte[] bytes = new byte[MembersCodec.MaxBytes + 1]; // one more, so that too much is noticed
        int length = await ReadToEndAsync(stream, bytes, cancellationToken);
        if (MembersCodec.TryRead(bytes.AsSpan(0, length), out MembersAnswer? answer))
        {
            return answer;
        }

        streams.Penalize(peer, EndReason.MalformedMessage);
        throw new ProtocolViolationException(EndReason.MalformedMessage, ViolationScope.Stream, $"an answer of {length} bytes that is none");
    }

    public void Dispose() => _registration.Dispose();

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _answering) > MaxAnswers)
            {
                stream.Reset(EndReason.LimitReached);
                return;
            }

            using CancellationTokenSource limit = new(AnswerLimit, _time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
            byte[] question = new byte[2];
            if (await ReadToEndAsync(stream, question, either.Token) != 1 || question[0] > 1)
            {
                throw new ProtocolViolationException(EndReason.MalformedMessage, ViolationScope.Stream, "a question that is none");
            }

            await stream.WriteAsync(MembersCodec.Write(_answer(stream.RemotePeer, question[0] == 1)), either.Token);
            await stream.CloseWriteAsync(either.Token);
        }
        finally
        {
            Interlocked.Decrement(ref _answering);
        }
    }

    /// <summary>Reads to the end of the stream, or until the buffer is full.</summary>
    private static async Task<int> ReadToEndAsync(PeerStream stream, byte[] buffer, CancellationToken cancellationToken)
    {
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        return length;
    }
}
