using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Keeps a connection to every other member, redialling at once what was lost, before the failure detector notices.</summary>
/// <remarks>Whether a dial goes direct or over a relay is the network's business. Decisions are <see cref="PathPlan"/>'s. Safe for several threads.</remarks>
public sealed class MemberPaths : IAsyncDisposable
{
    private readonly PathOptions _options;
    private readonly IPeerStreams _streams;
    private readonly IReachability _reachability;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PathPlan _plan; // guarded by _gate
    private readonly Lock _gate = new();
    private readonly long _start;
    private readonly CancellationTokenSource _stop = new(); // no timer behind it: needs no disposal
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private Task _run = Task.CompletedTask;
    private volatile IReadOnlyCollection<PeerId> _members = [];
    private volatile IReadOnlyCollection<PeerId> _withoutPath = [];
    private long _lost;
    private long _restored;
    private long _dials;

    internal MemberPaths(PathOptions options, IPeerStreams streams, IReachability reachability, TimeProvider time, ILogger log)
    {
        _options = options;
        _streams = streams;
        _reachability = reachability;
        _time = time;
        _log = log;
        _plan = new PathPlan(options, streams.LocalPeer, new Random(streams.LocalPeer.GetHashCode()));
        _start = time.GetTimestamp();
    }

    /// <summary>Members that are not connected and could not be dialled, directly or over a relay.</summary>
    public IReadOnlyCollection<PeerId> WithoutPath => _withoutPath;

    /// <summary>Times a member was found to have no path.</summary>
    public long LostCount => Interlocked.Read(ref _lost);

    /// <summary>Times such a member had a path again.</summary>
    public long RestoredCount => Interlocked.Read(ref _restored);

    /// <summary>Dials begun.</summary>
    public long DialCount => Interlocked.Read(ref _dials);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _streams.PeerConnected -= NoteChange;
        _streams.PeerDisconnected -= NoteChange;
        await _stop.CancelAsync();
        await _run;
    }

    /// <summary>Begins to keep paths; once.</summary>
    internal void Start()
    {
        _streams.PeerConnected += NoteChange;
        _streams.PeerDisconnected += NoteChange;
        _run = RunAsync();
    }

    /// <summary>Takes the members from now on; this node may be among them. None: no path is kept.</summary>
    internal void Keep(IReadOnlyCollection<PeerId> members)
    {
        _members = members;
        _news.Writer.TryWrite(true);
    }

    private void NoteChange(PeerId peer)
    {
        if (_members.Contains(peer))
        {
            _news.Writer.TryWrite(true);
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(_start);

    private async Task RunAsync()
    {
        List<Task> dials = [];
        try
        {
            while (true)
            {
                dials.RemoveAll(dial => dial.IsCompleted);
                dials.AddRange(Look().Select(DialAsync));
                await WaitAsync();
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(dials);
        }
    }

    private IReadOnlyList<PeerId> Look()
    {
        lock (_gate)
        {
            (IReadOnlyList<PeerId> dial, IReadOnlyList<PeerId> restored) = _plan.Look(_members, _streams.ConnectedPeers, Now);
            _withoutPath = _plan.WithoutPath;
            Interlocked.Add(ref _dials, dial.Count);
            foreach (PeerId peer in restored)
            {
                _log.PathRestored(peer.ToShortString());
            }

            Interlocked.Add(ref _restored, restored.Count);

            return dial;
        }
    }

    private async Task WaitAsync()
    {
        TimeSpan? next;
        lock (_gate)
        {
            next = _plan.NextLook - Now;
        }

        if (next <= TimeSpan.Zero)
        {
            return;
        }

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task news = _news.Reader.ReadAsync(either.Token).AsTask();
        Task pause = next is { } time ? Task.Delay(time, _time, either.Token) : Task.Delay(Timeout.InfiniteTimeSpan, _time, either.Token);
        await Task.WhenAny(news, pause);
        await either.CancelAsync();
        await Task.WhenAny(news); // ended either way: a news that came just now is taken, and looked at next
        _stop.Token.ThrowIfCancellationRequested();
    }

    private async Task DialAsync(PeerId peer)
    {
        using CancellationTokenSource limit = new(_options.DialLimit, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, limit.Token);
        Reach reach = await _reachability.ReachAsync(peer, either.Token);
        lock (_gate)
        {
            if (_plan.Dialled(peer, reach.IsReachable, Now) && !_stop.IsCancellationRequested)
            {
                _log.PathLost(peer.ToShortString(), reach.Obstacle!);
                Interlocked.Increment(ref _lost);
            }

            _withoutPath = _plan.WithoutPath;
        }

        _news.Writer.TryWrite(true);
    }
}
