using Akka.Actor;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Exchange;

/// <summary>Sends this node's contributions to the others, and gets the models that it misses.</summary>
/// <remarks>
/// One push at a time to each peer; what is announced meanwhile waits, and only the newest does: a peer that is slow gets what still
/// matters. A push that broke off, with the connection under it say, is repeated a few times while its round lasts; a peer that it never
/// reaches sees the contribution in the replicated set and fetches the model.
/// </remarks>
#pragma warning disable CA1001 // an actor ends in PostStop, where it disposes what it owns
public sealed class ExchangeActor : ReceiveActor, IWithTimers
#pragma warning restore CA1001
{
    /// <summary>Peers asked for one model, its maker first, before the fetch has failed.</summary>
    public const int MaxSourcesPerFetch = 4;

    /// <summary>How often a push that broke off is repeated.</summary>
    public const int MaxPushRepeats = 8;

    /// <summary>Pause before it is.</summary>
    public static readonly TimeSpan PushPause = TimeSpan.FromMilliseconds(500);

    private readonly ContributionService _service;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<PeerId, Contribution?> _pushing = [];
    private readonly HashSet<Hash256> _fetching = [];
    private readonly IActorRef _run;

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!; // set by Akka before the first message

    /// <summary>Creates the actor and lets inbound contributions go to the run.</summary>
    public ExchangeActor(ContributionService service, IActorRef run)
    {
        ArgumentNullException.ThrowIfNull(service);
        _service = service;
        _run = run;
        Receive<ExchangeProtocol.Push>(push => PushToAll(push.Contribution, push.Peers));
        Receive<PushEnded>(ended => GoOn(ended.Peer));
        Receive<PushBroke>(Repeat);
        Receive<PushAgain>(again => GoOn(again.Peer, again.Repeats));
        Receive<ExchangeProtocol.Fetch>(StartFetch);
        Receive<FetchFinished>(NoteFetch);
    }

    /// <summary>Properties of the actor.</summary>
    public static Props Props(ContributionService service, IActorRef run) => Akka.Actor.Props.Create(() => new ExchangeActor(service, run));

    /// <inheritdoc/>
    protected override void PreStart() => _service.Serve(_run);

    /// <inheritdoc/>
    protected override void PostStop()
    {
        _service.Unserve(_run);
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void PushToAll(Contribution contribution, IReadOnlyList<PeerId> peers)
    {
        foreach (PeerId peer in peers)
        {
            if (_pushing.ContainsKey(peer))
            {
                _pushing[peer] = contribution;
            }
            else
            {
                StartPush(contribution, peer);
            }
        }
    }

    private void StartPush(Contribution contribution, PeerId peer, int repeats = 0)
    {
        _pushing[peer] = null;
        _service.PushAsync(peer, contribution, _stopping.Token)
            .PipeTo(Self, success: _ => new PushEnded(peer), failure: _ => new PushBroke(peer, contribution, repeats));
    }

    private void GoOn(PeerId peer, int repeats = 0)
    {
        if (_pushing.Remove(peer, out Contribution? next) && next is not null)
        {
            StartPush(next, peer, repeats);
        }
    }

    /// <summary>What was announced meanwhile goes at once; else the same again after a pause.</summary>
    private void Repeat(PushBroke broke)
    {
        if (_pushing.GetValueOrDefault(broke.Peer) is not null || broke.Repeats >= MaxPushRepeats)
        {
            GoOn(broke.Peer);
            return;
        }

        _pushing[broke.Peer] = broke.Contribution;
        Timers.StartSingleTimer(broke.Peer, new PushAgain(broke.Peer, broke.Repeats + 1), PushPause);
    }

    private void StartFetch(ExchangeProtocol.Fetch fetch)
    {
        if (_fetching.Add(fetch.Contribution.Root))
        {
            PeerId? maker = fetch.Contribution.Peer.ToPeerId();
            PeerId[] sources = [.. fetch.Peers.OrderByDescending(peer => peer == maker).Take(MaxSourcesPerFetch)];
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

    private sealed record PushBroke(PeerId Peer, Contribution Contribution, int Repeats);

    private sealed record PushAgain(PeerId Peer, int Repeats);

    private sealed record FetchFinished(Contribution Contribution, bool IsHere);
}
