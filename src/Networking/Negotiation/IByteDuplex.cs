using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Negotiation;

/// <summary>What negotiation needs of a link or a stream; as a struct's interface it costs nothing.</summary>
internal interface IByteDuplex
{
    ViolationScope Scope { get; }

    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>The remote said "na" to everything.</summary>
    Exception Refusal(string firstProposal);
}

/// <summary>Negotiation over a link.</summary>
internal readonly struct LinkDuplex(ILink link) : IByteDuplex
{
    public ViolationScope Scope => ViolationScope.Connection;

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        link.ReadAsync(buffer, cancellationToken);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        link.WriteAsync(bytes, cancellationToken);

    public Exception Refusal(string firstProposal) =>
        new UpgradeException(EndReason.ProtocolNotSupported, $"the remote does not speak {firstProposal}");
}

/// <summary>Negotiation over a stream to a known peer.</summary>
internal readonly struct StreamDuplex(MuxedStream stream, Identity.PeerId remote) : IByteDuplex
{
    public ViolationScope Scope => ViolationScope.Stream;

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        stream.ReadAsync(buffer, cancellationToken);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        stream.WriteAsync(bytes, cancellationToken);

    public Exception Refusal(string firstProposal) =>
        new Swarm.ProtocolNotSupportedException(remote, new ProtocolId(firstProposal));
}
