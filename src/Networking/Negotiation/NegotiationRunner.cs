using System.Buffers;

namespace P2PLearn.Networking.Negotiation;

/// <summary>Moves bytes between a link or stream and a <see cref="INegotiationState"/>, under the total deadline.</summary>
internal sealed class NegotiationRunner(MultistreamOptions options, TimeProvider timeProvider)
{
    public MultistreamOptions Options => options;

    /// <summary>Sends <paramref name="state"/>'s opening and runs it to its end.</summary>
    /// <returns>What was read beyond the last message; it belongs to the agreed protocol.</returns>
    public Task<ReadOnlyMemory<byte>> StartAsync<TDuplex>(
        TDuplex duplex, INegotiationState state, CancellationToken cancellationToken)
        where TDuplex : struct, IByteDuplex
    {
        var output = new ArrayBufferWriter<byte>(128);
        state.Start(output);
        return RunAsync(duplex, state, output, cancellationToken);
    }

    /// <summary>Runs a state whose opening was sent already.</summary>
    /// <exception cref="ProtocolViolationException">The remote broke a rule.</exception>
    /// <exception cref="UpgradeException">The deadline passed, or the remote closed its side.</exception>
    public async Task<ReadOnlyMemory<byte>> RunAsync<TDuplex>(
        TDuplex duplex, INegotiationState state, ArrayBufferWriter<byte> output, CancellationToken cancellationToken)
        where TDuplex : struct, IByteDuplex
    {
        using var deadline = new CancellationTokenSource(options.Timeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(options.MaxMessageBytes + Multiformats.Uvarint.MaxBytes);
        try
        {
            int left = await ExchangeAsync(duplex, state, output, buffer, either.Token).ConfigureAwait(false);
            return left == 0 ? ReadOnlyMemory<byte>.Empty : buffer.AsSpan(0, left).ToArray();
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UpgradeException(EndReason.Timeout, $"no agreement on a protocol within {options.Timeout}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<int> ExchangeAsync<TDuplex>(
        TDuplex duplex,
        INegotiationState state,
        ArrayBufferWriter<byte> output,
        byte[] buffer,
        CancellationToken cancellationToken)
        where TDuplex : struct, IByteDuplex
    {
        int filled = 0;
        while (true)
        {
            if (output.WrittenCount > 0)
            {
                await duplex.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                output.ResetWrittenCount();
            }

            if (state.Agreed is not null || state.Refused)
            {
                return filled;
            }

            int read = await duplex.ReadAsync(buffer.AsMemory(filled), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new UpgradeException(EndReason.ClosedByRemote, "the remote closed before a protocol was agreed");
            }

            filled += read;
            EndReason reason = state.Receive(buffer.AsSpan(0, filled), output, out int consumed);
            if (reason != EndReason.None)
            {
                throw new ProtocolViolationException(reason, duplex.Scope, $"multistream-select: {reason}");
            }

            buffer.AsSpan(consumed, filled - consumed).CopyTo(buffer); // at most one incomplete message is left
            filled -= consumed;
        }
    }
}
