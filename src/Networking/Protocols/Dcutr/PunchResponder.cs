using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>The side that is asked (A): answers CONNECT, and dials the moment SYNC arrives.</summary>
/// <remarks>
/// Whoever asks is a stranger: only over a relayed connection, so often, so many at once, so many addresses, only those
/// that <see cref="PunchAddresses"/> lets through. Safe for several threads.
/// </remarks>
/// <param name="context">Shared.</param>
/// <param name="mayAnswer">Whether a try of ours with the peer does not go before its.</param>
/// <param name="report">Told of successes.</param>
internal sealed class PunchResponder(PunchContext context, Func<PeerId, bool> mayAnswer, Action<HolePunchReport> report)
    : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Answer> _answers = []; // at most one for each relayed peer
    private readonly PunchPace _pace = new(context.Options, context.Time);
    private int _running;

    /// <summary>Serves a stream.</summary>
    public async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        SwarmConnection relayed = ((SwarmStream)stream).Connection;
        if (WhyNot(relayed) is { } why)
        {
            PunchLog.Refused(context.Log, stream.RemotePeer.ToShortString(), why);
            stream.Reset(EndReason.LimitReached);
            return;
        }

        try
        {
            if (Interlocked.Increment(ref _running) > context.Options.MaxAnsweredAtOnce)
            {
                PunchLog.Refused(context.Log, stream.RemotePeer.ToShortString(), "too many at once");
                stream.Reset(EndReason.LimitReached);
                return;
            }

            await ExchangeAsync(stream, relayed, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>A direct connection came up.</summary>
    public void OnDirect(SwarmConnection connection)
    {
        Answer? answer;
        lock (_lock)
        {
            _answers.Remove(connection.RemotePeer, out answer);
        }

        if (answer is null)
        {
            return;
        }

        answer.Attempt.Stop();
        if (connection.Path != ConnectionPath.Direct)
        {
            bool isPunched = connection.Path == ConnectionPath.Punched;
            report(new HolePunchReport(
                connection.RemotePeer,
                isPunched ? HolePunchOutcome.Punched : HolePunchOutcome.Reversed,
                isPunched ? answer.Number : 0,
                context.Time.GetUtcNow() - answer.Relayed.OpenedAt,
                answer.RoundTrip,
                isPunched ? "a hole was punched, as the peer asked" : "the peer dialled us back"));
        }
    }

    /// <summary>A relayed connection with the peer has ended.</summary>
    public void OnRelayLost(PeerId peer)
    {
        lock (_lock)
        {
            if (_answers.Remove(peer, out Answer? answer))
            {
                answer.Attempt.Stop();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Answer[] answers;
        lock (_lock)
        {
            answers = [.. _answers.Values];
            _answers.Clear();
        }

        foreach (Answer answer in answers)
        {
            answer.Attempt.Stop();
            await answer.Attempt.Ended.ConfigureAwait(false);
        }
    }

    private string? WhyNot(SwarmConnection connection) =>
        !connection.IsRelayed ? "the connection is direct already"
        : !_pace.TryTake(connection.RemotePeer) ? "too often"
        : !mayAnswer(connection.RemotePeer) ? "we have begun ourselves"
        : null;

    private async Task ExchangeAsync(PeerStream stream, SwarmConnection relayed, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, DcutrOptions.MaxMessageBytes);
        DcutrMessage connect = await ReadAsync(reader, DcutrMessageKind.Connect, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Multiaddr> own = context.OwnAddresses();
        Answer answer = Begin(relayed, PunchAddresses.ToPunch(
            connect.Addresses, own, context.PublicRule, context.Options.MaxAddresses));
        try
        {
            Task calledOff = context.Network.CallOffDialsAsync(stream.RemotePeer);
            long sent = context.Time.GetTimestamp();
            await FramedWriter.WriteAsync(stream, DcutrMessage.Connect(own).ToProtobuf(), cancellationToken)
                .ConfigureAwait(false);
            await ReadAsync(reader, DcutrMessageKind.Sync, cancellationToken).ConfigureAwait(false);
            answer.RoundTrip = context.Time.GetElapsedTime(sent); // or more, when the peer first tries to dial us back
            await calledOff.ConfigureAwait(false);
            await context.Network.CallOffDialsAsync(stream.RemotePeer).ConfigureAwait(false); // one may have begun since
            var dial = new PunchDial(context.Network, context.Options);
            Task<bool> punching = answer.Attempt.RunAsync(
                answer.RoundTrip.Value,
                (address, ct) => dial.RunAsync(address, DialOrigin.ListenPortOnly, ct),
                cancellationToken);
            await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            await punching.ConfigureAwait(false);
        }
        finally
        {
            context.Remove(answer.Attempt);
            await answer.Attempt.Ended.ConfigureAwait(false);
        }
    }

    private async Task<DcutrMessage> ReadAsync(
        FramedReader reader, DcutrMessageKind kind, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(context.Options.MessageTimeout, context.Time, cancellationToken);
        ReadOnlyMemory<byte> bytes = await reader.ReadAsync(limit.Token).ConfigureAwait(false)
            ?? throw new IOException($"the peer closed the stream before its {kind}");
        return DcutrMessage.Parse(bytes.Span, kind);
    }

    /// <summary>The attempt takes the place of the one before.</summary>
    private Answer Begin(SwarmConnection relayed, IReadOnlyList<Multiaddr> addresses)
    {
        PeerId peer = relayed.RemotePeer;
        lock (_lock)
        {
            _answers.Remove(peer, out Answer? before);
            before?.Attempt.Stop();
            var attempt = new PunchAttempt(
                context, peer, PunchSide.Answerer, addresses, before?.Attempt.Collisions ?? 0);
            return _answers[peer] = new Answer(relayed, attempt, (before?.Number ?? 0) + 1);
        }
    }

    private sealed class Answer(SwarmConnection relayed, PunchAttempt attempt, int number)
    {
        public SwarmConnection Relayed => relayed;

        public PunchAttempt Attempt => attempt;

        /// <summary>Attempts with this peer, this one included.</summary>
        public int Number => number;

        public TimeSpan? RoundTrip { get; set; }
    }
}
