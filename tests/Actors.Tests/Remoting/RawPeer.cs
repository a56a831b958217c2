using System.Buffers;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>A peer that speaks the association protocol by hand, and not always as it should.</summary>
internal sealed class RawPeer(Fabric fabric, PeerId target, int index = 9) : IAsyncDisposable
{
    public FabricNode Node { get; } = fabric.AddNode(index);

    public Task<PeerStream> StreamAsync() =>
        Node.OpenStreamAsync(target, P2PTransport.Protocol, CancellationToken.None).AsTask().LimitAsync("the stream to open");

    /// <summary>Opens an association and names itself.</summary>
    public async Task<PeerStream> OpenAsync(AssociationId id)
    {
        PeerStream stream = await StreamAsync();
        await stream.WriteAsync(FrameBuilder.Open(id));
        await stream.WriteAsync(FrameBuilder.Data(FrameBuilder.Associate(Node.LocalPeer)));
        return stream;
    }

    /// <summary>Asks to go on with an association.</summary>
    /// <returns>The stream and the first frame of the answer; null when it was reset or closed instead.</returns>
    public async Task<(PeerStream Stream, InboundFrame? Answer)> ResumeAsync(AssociationId id, ulong number)
    {
        PeerStream stream = await StreamAsync();
        try
        {
            await stream.WriteAsync(FrameBuilder.Resume(id, number));
            return (stream, await ReadAsync(stream).LimitAsync("an answer"));
        }
        catch (IOException)
        {
            return (stream, null);
        }
    }

    /// <summary>Reads one frame, byte by byte, so that nothing behind it is taken.</summary>
    public static async Task<InboundFrame?> ReadAsync(PeerStream stream)
    {
        List<byte> bytes = [];
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one) == 1)
        {
            bytes.Add(one[0]);
            ReadOnlySequence<byte> buffer = new(bytes.ToArray());
            if (FrameCodec.TryRead(ref buffer, 300_000, out InboundFrame frame))
            {
                return frame;
            }
        }

        return null;
    }

    /// <summary>Reads frames up to the next one for Akka.</summary>
    public static async Task<byte[]> ReadDataAsync(PeerStream stream)
    {
        while (await ReadAsync(stream) is { } frame)
        {
            if (frame.Kind == FrameKind.Data)
            {
                return frame.Data;
            }
        }

        throw new IOException("the remote closed its side");
    }

    public static async Task ReadToEndAsync(PeerStream stream)
    {
        byte[] buffer = new byte[4096];
        while (await stream.ReadAsync(buffer) > 0)
        {
        }
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
