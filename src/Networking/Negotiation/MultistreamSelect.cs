using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Negotiation;

/// <summary>Agrees on protocols over links and streams by multistream-select 1.0.0.</summary>
/// <remarks>
/// <para>Three calls, each for links and for streams:</para>
/// <list type="bullet">
/// <item><c>Propose</c>: one candidate, optimistic. Returns at once and sends nothing yet; the first write carries header, proposal
/// and payload together, the first read checks the echo. A request and its answer take one round trip, negotiation included. The
/// refusal surfaces at the first read. Only for protocols whose first bytes another protocol could not misread: a listener that
/// refuses the proposal reads what follows as further proposals, and ends the stream.</item>
/// <item><c>SelectAsync</c>: several candidates, one round trip for each refused one and one for the agreed one.</item>
/// <item><c>AcceptAsync</c>: the listener's side; bytes that came with the proposal are kept for the protocol.</item>
/// </list>
/// <para>
/// What comes back takes over what went in: use, close and dispose it alone. When a call fails, what went in is still the caller's, in
/// an unknown state: abort or reset it. Every negotiation has a total deadline. Safe for several threads.
/// </para>
/// </remarks>
/// <param name="options">Limits.</param>
/// <param name="timeProvider">Measures the deadline.</param>
public sealed class MultistreamSelect(MultistreamOptions options, TimeProvider timeProvider)
{
    private readonly NegotiationRunner _runner = new(options, timeProvider);

    /// <summary>Proposes a protocol on a link, optimistically.</summary>
    /// <returns>
    /// The link to use. Its first read throws <see cref="UpgradeException"/> with <see cref="EndReason.ProtocolNotSupported"/> when the
    /// remote refuses, and <see cref="ProtocolViolationException"/> when it answers by anything else.
    /// </returns>
    public ILink Propose(ILink link, string protocol) =>
        new NegotiatedLink(link, new NegotiatedDuplex<LinkDuplex>(new LinkDuplex(link), protocol, _runner));

    /// <summary>Proposes a protocol on a stream, optimistically.</summary>
    /// <returns>
    /// The stream to use. Its first read throws <see cref="Swarm.ProtocolNotSupportedException"/> when the remote refuses, and
    /// <see cref="ProtocolViolationException"/> when it answers by anything else.
    /// </returns>
    public MuxedStream Propose(MuxedStream stream, PeerId remote, ProtocolId protocol) => new NegotiatedStream(
        stream, new NegotiatedDuplex<StreamDuplex>(new StreamDuplex(stream, remote), protocol.Value, _runner));

    /// <summary>Agrees on one of several protocols on a link.</summary>
    /// <exception cref="UpgradeException">The remote speaks none of them, closed, or let the deadline pass.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule.</exception>
    public async Task<(string Protocol, ILink Link)> SelectAsync(
        ILink link, IReadOnlyList<string> candidates, CancellationToken cancellationToken)
    {
        var state = new MultistreamInitiator(candidates, options);
        (string protocol, ReadOnlyMemory<byte> leftover) =
            await AgreeAsync(new LinkDuplex(link), state, candidates[0], cancellationToken).ConfigureAwait(false);
        return (protocol, WithLeftover(link, protocol, leftover));
    }

    /// <summary>Agrees on one of several protocols on a stream.</summary>
    /// <exception cref="Swarm.ProtocolNotSupportedException">The remote speaks none of them; the first is named.</exception>
    /// <exception cref="UpgradeException">The remote closed, or let the deadline pass.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule.</exception>
    public async Task<(ProtocolId Protocol, MuxedStream Stream)> SelectAsync(
        MuxedStream stream, PeerId remote, IReadOnlyList<ProtocolId> candidates, CancellationToken cancellationToken)
    {
        string[] names = [.. candidates.Select(candidate => candidate.Value)];
        var state = new MultistreamInitiator(names, options);
        var duplex = new StreamDuplex(stream, remote);
        (string protocol, ReadOnlyMemory<byte> leftover) =
            await AgreeAsync(duplex, state, names[0], cancellationToken).ConfigureAwait(false);
        return (new ProtocolId(protocol), WithLeftover(stream, duplex, protocol, leftover));
    }

    /// <summary>Answers the proposals on a link until one is agreed.</summary>
    /// <param name="link">What the remote opened.</param>
    /// <param name="speaks">Which protocols this side speaks.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="UpgradeException">The remote closed, or let the deadline pass.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule, or proposed too often.</exception>
    public async Task<(string Protocol, ILink Link)> AcceptAsync(
        ILink link, Predicate<string> speaks, CancellationToken cancellationToken)
    {
        var state = new MultistreamResponder(speaks, options);
        (string protocol, ReadOnlyMemory<byte> leftover) =
            await AgreeAsync(new LinkDuplex(link), state, string.Empty, cancellationToken).ConfigureAwait(false);
        return (protocol, WithLeftover(link, protocol, leftover));
    }

    /// <summary>Answers the proposals on a stream until one is agreed.</summary>
    /// <param name="stream">What the remote opened.</param>
    /// <param name="remote">The authenticated remote.</param>
    /// <param name="speaks">Which protocols this side speaks.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="UpgradeException">The remote closed, or let the deadline pass.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule, or proposed too often.</exception>
    public async Task<(ProtocolId Protocol, MuxedStream Stream)> AcceptAsync(
        MuxedStream stream, PeerId remote, Predicate<ProtocolId> speaks, CancellationToken cancellationToken)
    {
        var state = new MultistreamResponder(name => speaks(new ProtocolId(name)), options);
        var duplex = new StreamDuplex(stream, remote);
        (string protocol, ReadOnlyMemory<byte> leftover) =
            await AgreeAsync(duplex, state, string.Empty, cancellationToken).ConfigureAwait(false);
        return (new ProtocolId(protocol), WithLeftover(stream, duplex, protocol, leftover));
    }

    private async Task<(string Protocol, ReadOnlyMemory<byte> Leftover)> AgreeAsync<TDuplex>(
        TDuplex duplex, INegotiationState state, string firstProposal, CancellationToken cancellationToken)
        where TDuplex : struct, IByteDuplex
    {
        ReadOnlyMemory<byte> leftover = await _runner.StartAsync(duplex, state, cancellationToken).ConfigureAwait(false);
        return (state.Agreed ?? throw duplex.Refusal(firstProposal), leftover);
    }

    private static ILink WithLeftover(ILink link, string protocol, ReadOnlyMemory<byte> leftover) =>
        leftover.IsEmpty
            ? link
            : new NegotiatedLink(link, new NegotiatedDuplex<LinkDuplex>(new LinkDuplex(link), protocol, leftover));

    private static MuxedStream WithLeftover(
        MuxedStream stream, StreamDuplex duplex, string protocol, ReadOnlyMemory<byte> leftover) =>
        leftover.IsEmpty
            ? stream
            : new NegotiatedStream(stream, new NegotiatedDuplex<StreamDuplex>(duplex, protocol, leftover));
}
