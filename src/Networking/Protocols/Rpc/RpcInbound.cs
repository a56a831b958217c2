using System.Collections.Concurrent;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Serves the streams that peers open: the first frame tells a lane from a stream for streamed calls.</summary>
internal sealed class RpcInbound(RpcServer server, RpcOpenStreams open, Action<PeerId, ProtocolViolationException> report)
{
    private readonly ConcurrentDictionary<PeerId, int> _streams = new();

    /// <summary>Serves one stream to its end.</summary>
    public async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        open.BeginUse();
        PeerId peer = stream.RemotePeer;
        bool isWithinLimit = _streams.AddOrUpdate(peer, 1, static (_, count) => count + 1) <= server.Options.MaxInboundStreamsPerPeer;
        try
        {
            if (isWithinLimit)
            {
                await ServeStreamAsync(stream, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                stream.Reset(EndReason.LimitReached);
            }
        }
        catch (ProtocolViolationException violation)
        {
            stream.Reset(violation.Reason);
            report(peer, violation);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            stream.Reset(EndReason.ClosedLocally); // lost, closed early, or too slow with its first frame
        }
        finally
        {
            Leave(peer);
            open.EndUse();
        }
    }

    private async Task ServeStreamAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration =
            cancellationToken.UnsafeRegister(static stream => ((PeerStream)stream!).Reset(EndReason.ClosedLocally), stream);
        var reader = new RpcFrameReader(stream, server.Options.MaxMethodNameBytes);
        if (!await HasFirstFrameAsync(reader, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        if (reader.PeekKind() == RpcFrameKind.Open)
        {
            await ServeCallsAsync(new RpcCallStream(stream, reader), reader.TakeHeader(), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await ServeLaneAsync(new ServerLane(stream, reader, server)).ConfigureAwait(false);
        }
    }

    private async Task<bool> HasFirstFrameAsync(RpcFrameReader reader, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(server.Options.FirstFrameTimeout, server.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        return await reader.WaitHeaderAsync(either.Token).ConfigureAwait(false);
    }

    private async Task ServeCallsAsync(RpcCallStream stream, RpcFrame first, CancellationToken cancellationToken)
    {
        open.Add(stream);
        try
        {
            await new RpcStreamServer(server, stream).RunAsync(first, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await open.CloseAsync(stream, EndReason.ClosedLocally).ConfigureAwait(false);
        }
    }

    private async Task ServeLaneAsync(ServerLane lane)
    {
        open.Add(lane);
        try
        {
            await lane.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            await lane.Idle.ConfigureAwait(false);
            open.Remove(lane);
        }
    }

    private void Leave(PeerId peer)
    {
        int left = _streams.AddOrUpdate(peer, 0, static (_, count) => count - 1);
        if (left == 0)
        {
            _streams.TryRemove(new KeyValuePair<PeerId, int>(peer, 0));
        }
    }
}
