using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Negotiation;

/// <summary>The stream that a negotiation leaves to its protocol.</summary>
internal sealed class NegotiatedStream(MuxedStream inner, NegotiatedDuplex<StreamDuplex> duplex) : MuxedStream
{
    /// <inheritdoc/>
    public override uint Id => inner.Id;

    /// <inheritdoc/>
    public override EndReason EndReason => inner.EndReason;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        duplex.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        duplex.WriteAsync(bytes, cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask CloseWriteAsync(CancellationToken cancellationToken)
    {
        await duplex.FlushAsync(cancellationToken).ConfigureAwait(false); // a FIN before the opening would end the negotiation
        await inner.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends the proposal if it still waits. Unlike a write of nothing, it may overlap a write.</summary>
    public ValueTask AnnounceAsync(CancellationToken cancellationToken) => duplex.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override void Reset(EndReason reason) => inner.Reset(reason);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => inner.DisposeAsync();
}
