using System.Buffers;
using System.IO.Pipelines;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Remoting;

/// <summary>One of the streams that carry an association in turn: frames in, bytes out.</summary>
/// <remarks>Owns the stream. One reader and one writer at a time; both have stopped before <see cref="End"/>. Ending twice is harmless.</remarks>
internal sealed class AssociationStream : IDisposable
{
    private readonly PeerStream _stream;
    private readonly PipeReader _reader;
    private readonly int _maxFrameBytes;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _control = new byte[FrameCodec.MaxControlBytes];

    public AssociationStream(PeerStream stream, int maxFrameBytes)
    {
        _stream = stream;
        _maxFrameBytes = maxFrameBytes;
        _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
    }

    /// <summary>Who is at the other end.</summary>
    public PeerId RemotePeer => _stream.RemotePeer;

    /// <summary>Fires when a better path to the peer is up.</summary>
    public CancellationToken Superseded => _stream.Superseded;

    /// <summary>Ends when the stream is not used any more.</summary>
    public Task Done => _done.Task;

    /// <summary>The next frame; null at the end of the stream.</summary>
    /// <exception cref="ProtocolViolationException">Not a frame.</exception>
    public async ValueTask<InboundFrame?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await _reader.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (FrameCodec.TryRead(ref buffer, _maxFrameBytes, out InboundFrame frame))
            {
                _reader.AdvanceTo(buffer.Start);
                return frame;
            }

            _reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                return null;
            }
        }
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => _stream.WriteAsync(bytes, cancellationToken);

    public Task FlushAsync(CancellationToken cancellationToken) => _stream.FlushAsync(cancellationToken);

    public Task OpenAsync(AssociationId id, CancellationToken cancellationToken) =>
        WriteControlAsync(FrameCodec.WriteOpen(_control, id), cancellationToken);

    public Task ResumeAsync(AssociationId id, ulong expected, CancellationToken cancellationToken) =>
        WriteControlAsync(FrameCodec.WriteResume(_control, id, expected), cancellationToken);

    public Task AnswerResumedAsync(ulong expected, CancellationToken cancellationToken) =>
        WriteControlAsync(FrameCodec.WriteNumber(_control, FrameKind.Resumed, expected), cancellationToken);

    /// <summary>Says no and closes this side, so that the answer arrives.</summary>
    public async Task AnswerRefusedAsync(ResumeRefusal refusal, CancellationToken cancellationToken)
    {
        await WriteControlAsync(FrameCodec.WriteRefused(_control, refusal), cancellationToken);
        await _stream.CloseWriteAsync(cancellationToken);
    }

    /// <summary>Says that the association is over, and closes this side.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        await WriteControlAsync(FrameCodec.WriteClose(_control), cancellationToken);
        await _stream.CloseWriteAsync(cancellationToken);
    }

    /// <summary>Gives the stream up. A side that was closed stays readable for the peer, unless the reason is a broken rule.</summary>
    public void End(EndReason reason)
    {
        if (reason >= EndReason.MalformedMessage)
        {
            _stream.Reset(reason);
        }

        Dispose();
    }

    public void Dispose()
    {
        _reader.Complete();
        _stream.Dispose();
        _done.TrySetResult();
    }

    private async Task WriteControlAsync(int length, CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(_control.AsMemory(0, length), cancellationToken);
        await _stream.FlushAsync(cancellationToken);
    }
}
