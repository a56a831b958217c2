using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests;

/// <summary>A link that passes for a muxed stream; keeps every write, to show how many there were.</summary>
internal sealed class LinkStream(MemoryLink link) : MuxedStream
{
    private EndReason _endReason;

    public List<byte[]> Writes { get; } = [];

    public override uint Id => 1;

    public override EndReason EndReason => _endReason;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        link.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Writes.Add(bytes.ToArray());
        return link.WriteAsync(bytes, cancellationToken);
    }

    public override ValueTask CloseWriteAsync(CancellationToken cancellationToken)
    {
        link.CompleteWriting();
        return ValueTask.CompletedTask;
    }

    public override void Reset(EndReason reason)
    {
        _endReason = reason;
        link.Abort();
    }

    public override ValueTask DisposeAsync() => link.DisposeAsync();
}
