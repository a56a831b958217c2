using System.Threading.Channels;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Hosting;

/// <summary>Connects to members that were heard of, a few at a time.</summary>
internal sealed class PeerConnector : IAsyncDisposable
{
    /// <summary>Dials at once.</summary>
    public const int MaxAtOnce = 4;

    /// <summary>Peers that wait for their turn; more are dropped, and heard of again.</summary>
    public const int MaxWaiting = 128;

    private readonly Swarm _swarm;
    private readonly AdmittedStreams _streams;
    private readonly Channel<PeerId> _waiting = Channel.CreateBounded<PeerId>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _closing = new();
    private readonly Task[] _workers;

    public PeerConnector(Swarm swarm, AdmittedStreams streams, TimeProvider time)
    {
        (_swarm, _streams) = (swarm, streams);
        _workers = [.. Enumerable.Range(0, MaxAtOnce).Select(_ => Task.Run(() => RunAsync(time)))];
    }

    /// <summary>Connects to a peer in its turn, unless it is connected by then.</summary>
    public void Consider(PeerId peer) => _waiting.Writer.TryWrite(peer);

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await Task.WhenAll(_workers);
        _closing.Dispose();
    }

    private async Task RunAsync(TimeProvider time)
    {
        try
        {
            while (true)
            {
                PeerId peer = await _waiting.Reader.ReadAsync(_closing.Token);

                // Two that hear of each other at the same moment: the one with the smaller id dials first.
                TimeSpan pause = _swarm.LocalPeer < peer ? TimeSpan.Zero : TimeSpan.FromMilliseconds(500);
                await Task.Delay(pause, time, _closing.Token);
                if (!_streams.IsAdmitted(peer))
                {
                    await ConnectAsync(peer);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private async Task ConnectAsync(PeerId peer)
    {
        try
        {
            await _streams.AdmitAsync(peer, _closing.Token);
        }
        catch (IOException)
        {
            // Not there, or no member: whoever needs it will try again.
        }
    }
}
