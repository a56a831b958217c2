using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Negotiation;

/// <summary>The link that a negotiation leaves to its protocol.</summary>
internal sealed class NegotiatedLink(ILink inner, NegotiatedDuplex<LinkDuplex> duplex) : ILink
{
    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        duplex.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        duplex.WriteAsync(bytes, cancellationToken);

    /// <inheritdoc/>
    public void Abort() => inner.Abort();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
