using Akka.Actor;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Exchange;

/// <summary>Sends this node's contributions to the others, and gets the models that it misses.</summary>
/// <remarks>
/// One push at a time to each peer; what is announced meanwhile waits, and only the newest does: a peer that is slow gets what still
/// matters. A push that broke off, with the connection under it say, is repeated a few times, and once more when the peer is connected
/// again, for as long as its model is kept; a peer that it never reaches sees the contribution in the replicated set and fetches the model.
/// </remarks>
#pragma warning disable CA1001 // an actor ends in PostStop, where it disposes what it owns
public sealed class ExchangeActor : ReceiveActor, IWithTimers
#pragma warning restore CA1001
{
    /// <summary>Peers asked for one model, those connected first and its maker before them, until the fetch has failed.</summary>
    public const int MaxSourcesPerFetch = 4;

    /// <summary>How often a push that broke off is repeated before it waits for the peer to be connected again, unless told otherwise.</summary>
    public const int MaxPushRepeats = 8;

    /// <summary>Pause before it is.</summary>
    public static readonly TimeSpan PushPause = TimeSpan.FromMilliseconds(500);

    private readonly ContributionService _service;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<PeerId, Line> _lines = []; // no more than trainers ever known: one push each
    private readonly HashSet<Hash256> _fetching = [];
    private readonly IActorRef _run;
    private readonly int _maxPushRepeats;
    private readonly Action<PeerId> _connected;

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!; // set by Akka before the first message

    /// <summary>Creates the actor and lets inbound contributions go to the run.</summary>
    /// <param name="service">Sends and gets.</param>
    /// <param name="run">The run actor.</param>
    /// <param name="maxPushRepeats">How often a push that broke off is repeated before it waits for the peer to be connected again.</param>
    public ExchangeActor(ContributionService service, IActorRef run, int maxPushRepeats)
    {
        ArgumentNullException.ThrowIfNull(service);
        _service = service;
        _run = run;
        _maxPushRepeats = maxPushRepeats;
        IActorRef self = Self;
        _connected = peer => self.Tell(new PeerBack(peer));
        Receive<ExchangeProtocol.Push>(push => PushToAll(push.Contribution, push.Peers));
        Receive<PushEnded>(ended => GoOn(ended.Peer));
        Receive<PushBroke>(broke => Wait(broke.Peer));
        Receive<PushAgain>(again => Repeat(again.Peer));
        Receive<PeerBack>(back => RepeatAtOnce(back.Peer));
        Receive<ExchangeProtocol.Fetch>(StartFetch);
        Receive<FetchFinished>(NoteFetch);
    }

    /// <summary>Properties of the actor.</summary>
    public static Props Props(ContributionService service, IActorRef run, int maxPushRepeats = MaxPushRepeats) =>
        Akka.Actor.Props.Create(() => new ExchangeActor(service, run, maxPushRepeats));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _service.Serve(_run);
        _service.PeerConnected += _connected;
    }

    /// <inheritdoc/>
    protected override void PostStop()
    {
        _service.PeerConnected -= _connected;
        _service.Unserve(_run);
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void PushToAll(Contribution contribution, IReadOnlyList<PeerId> peers)
    {
        foreach (PeerId peer in peers)
        {
            if (!_lines.TryGetValue(peer, out Line? line))
            {
                _lines.Add(peer, line = new Line(contribution));
                Start(peer, line);
            }
            else if (line.IsWaiting)
            {
                (line.Contribution, line.Repeats) = (contribution, 0);
                Start(peer, line);
            }
            else
            {
                line.Next = contribution;
            }
        }
    }

    private void Start(PeerId peer, Line line)
    {
        Timers.Cancel(peer);
        line.IsWaiting = false;
        _service.PushAsync(peer, line.Contribution, _stopping.Token)
            .PipeTo(Self, success: _ => new PushEnded(peer), failure: _ => new PushBroke(peer));
    }

    private void GoOn(PeerId peer)
    {
        Line line = _lines[peer];
        if (line.Next is null)
        {
            _lines.Remove(peer);
            return;
        }

        (line.Contribution, line.Next, line.Repeats) = (line.Next, null, 0);
        Start(peer, line);
    }

    /// <summary>What was announced meanwhile goes at once; else the same again after a pause, or when the peer is back.</summary>
    private void Wait(PeerId peer)
    {
        Line line = _lines[peer];
        if (line.Next is not null)
        {
            GoOn(peer);
            return;
        }

        line.IsWaiting = true;
        if (line.Repeats++ < _maxPushRepeats)
        {
            Timers.StartSingleTimer(peer, new PushAgain(peer), PushPause);
        }
    }

    private void Repeat(PeerId peer)
    {
        if (_lines.TryGetValue(peer, out Line? line) && line.IsWaiting)
        {
            Start(peer, line);
        }
    }

    private void RepeatAtOnce(PeerId peer)
    {
        if (_lines.TryGetValue(peer, out Line? line))
        {
            line.Repeats = 0;
            Repeat(peer);
        }
    }

    private void StartFetch(ExchangeProtocol.Fetch fetch)
    {
        if (_fetching.Add(fetch.Contribution.Root))
        {
            PeerId? maker = fetch.Contribution.Peer.ToPeerId();
            HashSet<PeerId> connected = [.. _service.ConnectedPeers];
            PeerId[] sources =
            [
                .. fetch.Peers.OrderByDescending(connected.Contains).ThenByDescending(peer => peer == maker).Take(MaxSourcesPerFetch),
            ];
            _service.FetchAsync(fetch.Contribution, sources, _stopping.Token)
                .PipeTo(Self, success: isHere => new FetchFinished(fetch.Contribution, isHere), failure: _ => new FetchFinished(fetch.Contribution, false));
        }
    }

    private void NoteFetch(FetchFinished finished)
    {
        _fetching.Remove(finished.Contribution.Root);
        _run.Tell(finished.IsHere
            ? new RunProtocol.ModelReceived(finished.Contribution)
            : new RunProtocol.FetchEnded(finished.Contribution));
    }

    private sealed record PushEnded(PeerId Peer);

    private sealed record PushBroke(PeerId Peer);

    private sealed record PushAgain(PeerId Peer);

    private sealed record PeerBack(PeerId Peer);

    private sealed record FetchFinished(Contribution Contribution, bool IsHere);

    /// <summary>The pushes to one peer.</summary>
    private sealed class Line(Contribution contribution)
    {
        /// <summary>Is being pushed, or waits to be pushed again.</summary>
        public Contribution Contribution { get; set; } = contribution;

        /// <summary>Announced meanwhile; null while the line waits.</summary>
        public Contribution? Next { get; set; }

        /// <summary>The push broke off, and another has not begun.</summary>
        public bool IsWaiting { get; set; }

        /// <summary>Times that it broke off since it began, or since the peer was last connected.</summary>
        public int Repeats { get; set; }
    }
}
