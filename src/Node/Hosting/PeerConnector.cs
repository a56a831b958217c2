using System.Threading.Channels;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Hosting;

/// <summary>Connects to members that were heard of, a few at a time, and tries again for a while: a peer behind a NAT is heard of before it has
/// found a relay.</summary>
internal sealed class PeerConnector : IAsyncDisposable
{
    /// <summary>Dials at once.</summary>
    public const int MaxAtOnce = 4;

    /// <summary>Peers that wait for their turn; more are dropped, and heard of again.</summary>
    public const int MaxWaiting = 128;

    /// <summary>Tries per time that a peer is heard of; the pause between them doubles from <see cref="FirstPause"/>.</summary>
    public const int MaxTries = 6;

    /// <summary>Pause after the first failure.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);

    private readonly Swarm _swarm;
    private readonly AdmittedStreams _streams;
    private readonly TimeProvider _time;
    private readonly Channel<(PeerId Peer, int Tries)> _waiting = Channel.CreateBounded<(PeerId, int)>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly HashSet<PeerId> _known = []; // waiting or being tried; guards itself
    private readonly CancellationTokenSource _closing = new();
    private readonly List<ITimer> _timers = []; // guarded by _known
    private readonly Task[] _workers;

    public PeerConnector(Swarm swarm, AdmittedStreams streams, TimeProvider time)
    {
        (_swarm, _streams, _time) = (swarm, streams, time);
        _workers = [.. Enumerable.Range(0, MaxAtOnce).Select(_ => Task.Run(RunAsync))];
    }

    /// <summary>Connects to a peer in its turn, unless it is connected by then.</summary>
    public void Consider(PeerId peer)
    {
        lock (_known)
        {
            if (_known.Count >= MaxWaiting || !_known.Add(peer))
            {
                return;
            }
        }

        // Two that hear of each other at the same moment: the one with the smaller id dials first.
        Enqueue(peer, 0, _streams.LocalPeer < peer ? TimeSpan.Zero : TimeSpan.FromMilliseconds(500));
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await Task.WhenAll(_workers);
        lock (_known)
        {
            _timers.ForEach(timer => timer.Dispose());
            _timers.Clear();
        }

        _closing.Dispose();
    }

    private void Enqueue(PeerId peer, int tries, TimeSpan pause)
    {
        lock (_known)
        {
            if (_closing.IsCancellationRequested)
            {
                return;
            }

            ITimer? timer = null;
            timer = _time.CreateTimer(_ => Due(timer!, peer, tries), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timers.Add(timer);
            timer.Change(pause, Timeout.InfiniteTimeSpan);
        }
    }

    private void Due(ITimer timer, PeerId peer, int tries)
    {
        lock (_known)
        {
            _timers.Remove(timer);
        }

        timer.Dispose();
        if (!_waiting.Writer.TryWrite((peer, tries)))
        {
            Forget(peer);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                (PeerId peer, int tries) = await _waiting.Reader.ReadAsync(_closing.Token);
                if (_streams.IsAdmitted(peer) || await TryConnectAsync(peer) || tries + 1 >= MaxTries)
                {
                    Forget(peer);
                }
                else
                {
                    Enqueue(peer, tries + 1, FirstPause * Math.Pow(2, tries));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private async Task<bool> TryConnectAsync(PeerId peer)
    {
        try
        {
            await (_swarm.Nat?.FirstAnswerAsync(_closing.Token) ?? Task.CompletedTask);
            await _streams.AdmitAsync(peer, _closing.Token);
            return true;
        }
        catch (PeerUnreachableException e) when (e.Reason == Networking.EndReason.NotAdmitted)
        {
            return true; // it does not belong here: no reason to try again
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void Forget(PeerId peer)
    {
        lock (_known)
        {
            _known.Remove(peer);
        }
    }
}
