using System.Buffers;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Security;

/// <summary>Secures links by Noise XX, as libp2p does it, under one identity.</summary>
/// <remarks>
/// Source: libp2p specs, noise, revision 5, with inlined muxer negotiation. A handshake has a total deadline, so that a remote that
/// drips bytes is cut too; it costs each side one signature, one verification, three agreements and two key pairs, so whoever
/// accepts links bounds how many run at once. Every handshake has a fresh static key. Safe for several threads.
/// </remarks>
/// <param name="identity">Signs; stays the caller's.</param>
/// <param name="options">Limits.</param>
/// <param name="timeProvider">Measures the deadline.</param>
public sealed class NoiseSecurity(KeyPair identity, NoiseOptions options, TimeProvider timeProvider)
{
    /// <summary>The name under which multistream-select negotiates it.</summary>
    public const string ProtocolName = "/noise";

    /// <summary>Secures a link as the initiator.</summary>
    /// <param name="link">Taken over when this succeeds; aborted when it fails, and still the caller's to dispose.</param>
    /// <param name="expectedRemote">Whom we mean to reach, or null for whoever answers.</param>
    /// <param name="muxers">Offered early, in order of preference; empty to negotiate one over the channel.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="UpgradeException">
    /// <see cref="EndReason.PeerIdMismatch"/>, <see cref="EndReason.Timeout"/>, <see cref="EndReason.ClosedByRemote"/>, or
    /// <see cref="EndReason.ProtocolNotSupported"/> when both sides offer muxers and share none.
    /// </exception>
    /// <exception cref="ProtocolViolationException">A message, tag or signature did not hold.</exception>
    public Task<NoiseChannel> SecureOutboundAsync(
        ILink link, PeerId? expectedRemote, IReadOnlyList<string> muxers, CancellationToken cancellationToken) =>
        SecureAsync(link, new(NoiseRole.Initiator, identity, expectedRemote, muxers), cancellationToken);

    /// <summary>Secures a link as the responder; see <see cref="SecureOutboundAsync"/>.</summary>
    public Task<NoiseChannel> SecureInboundAsync(
        ILink link, PeerId? expectedRemote, IReadOnlyList<string> muxers, CancellationToken cancellationToken) =>
        SecureAsync(link, new(NoiseRole.Responder, identity, expectedRemote, muxers), cancellationToken);

    private async Task<NoiseChannel> SecureAsync(
        ILink link, NoiseHandshakeSetup setup, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.HandshakeTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        using var state = new NoiseHandshakeState(setup);
        var buffer = new NoiseReceiveBuffer(options.MaxReceiveBufferBytes);
        try
        {
            await ExchangeAsync(link, state, buffer, either.Token).ConfigureAwait(false);
            return new NoiseChannel(
                link, state.RemoteKey!, state.Muxer, state.Split(), buffer, options.MaxSendBatchBytes);
        }
        catch (Exception e)
        {
            link.Abort();
            buffer.Dispose();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new UpgradeException(EndReason.Timeout, $"no Noise handshake within {options.HandshakeTimeout}", e);
            }

            throw;
        }
    }

    private async Task ExchangeAsync(
        ILink link, NoiseHandshakeState state, NoiseReceiveBuffer buffer, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(512);
        while (!state.IsComplete)
        {
            if (state.WritesNext)
            {
                output.ResetWrittenCount();
                state.Write(output);
                await link.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                continue;
            }

            int length = await AwaitMessageAsync(link, state, buffer, cancellationToken).ConfigureAwait(false);
            ThrowUnlessFine(state.Read(buffer.Take(length).Span), state);
        }
    }

    private async Task<int> AwaitMessageAsync(
        ILink link, NoiseHandshakeState state, NoiseReceiveBuffer buffer, CancellationToken cancellationToken)
    {
        int max = state.MaxNextMessageBytes(options.MaxPayloadBytes);
        while (true)
        {
            if (buffer.TryPeekLength(out int announced) && announced > max)
            {
                throw Violation(EndReason.MessageTooLarge, $"a handshake message of {announced} bytes, at most {max} allowed");
            }

            if (buffer.TryPeekMessage(out int length))
            {
                return length;
            }

            if (!await buffer.FillAsync(link, cancellationToken).ConfigureAwait(false))
            {
                throw new UpgradeException(EndReason.ClosedByRemote, "the link ended within the Noise handshake");
            }
        }
    }

    private static void ThrowUnlessFine(EndReason reason, NoiseHandshakeState state)
    {
        switch (reason)
        {
            case EndReason.None:
                return;
            case EndReason.PeerIdMismatch:
                throw new UpgradeException(reason, $"the peer at the other end is {state.RemoteKey!.PeerId}, not the one expected");
            case EndReason.ProtocolNotSupported:
                throw new UpgradeException(reason, "no stream muxer in common");
            default:
                throw Violation(reason, $"the Noise handshake failed: {reason}");
        }
    }

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Connection, message);
}
