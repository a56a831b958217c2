using Akka.Actor;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>Keeps the newest checkpoint of a run at a node that does not train, and serves it: joiners find it when its makers are gone.</summary>
/// <remarks>One checkpoint at a time; while one is fetched, newer ones are only noted. The one before is kept until the next is complete.</remarks>
#pragma warning disable CA1001 // an actor ends in PostStop
public sealed class MirrorActor : ReceiveActor
#pragma warning restore CA1001
{
    /// <summary>Its name below <c>/user</c>.</summary>
    public const string ActorName = "mirror";

    private readonly string _join;
    private readonly ModelLibrary _library;
    private readonly PeerId _self;
    private readonly IEventSink _events;
    private readonly IActorRef _replication;
    private readonly CancellationTokenSource _stopping = new(); // no timer behind it: needs no disposal
    private ReplicationProtocol.AttestationsChanged? _news;
    private uint _newest;
    private bool _isFetching;

    /// <summary>Use <see cref="Props"/>.</summary>
    public MirrorActor(string join, ModelLibrary library, PeerId self, IEventSink events, IActorRef replication)
    {
        (_join, _library, _self, _events, _replication) = (join, library, self, events, replication);
        Receive<ReplicationProtocol.AttestationsChanged>(news =>
        {
            _news = news;
            Look();
        });
        Receive<ReplicationProtocol.ContributionsChanged>(_ => { });
        Receive<Fetched>(NoteFetched);
    }

    /// <summary>How to create the actor.</summary>
    /// <param name="join">First digits of the run's id.</param>
    /// <param name="library">Where models are kept; not owned.</param>
    /// <param name="self">This node.</param>
    /// <param name="events">Takes what happens.</param>
    /// <param name="replication">The replication actor.</param>
    public static Props Props(string join, ModelLibrary library, PeerId self, IEventSink events, IActorRef replication) =>
        Akka.Actor.Props.Create(() => new MirrorActor(join, library, self, events, replication));

    /// <inheritdoc/>
    protected override void PreStart() => _replication.Tell(new ReplicationProtocol.Subscribe(Self));

    /// <inheritdoc/>
    protected override void PostStop() => _stopping.Cancel();

    private void Look()
    {
        if (_isFetching || _news is not { } news || Find(news) is not { } checkpoint || checkpoint.Round <= _newest)
        {
            return;
        }

        _isFetching = true;
        FetchAsync(checkpoint, _stopping.Token).PipeTo(
            Self, success: reason => new Fetched(checkpoint, reason), failure: e => new Fetched(checkpoint, e.Message));
    }

    private AgreedCheckpoint? Find(ReplicationProtocol.AttestationsChanged news)
    {
        try
        {
            return RunChoice.Pick(RunChoice.List(news.All), _join) is { } run ? AgreedCheckpoint.Newest(news.All, run.Run, run.Settings) : null;
        }
        catch (InvalidDataException e) // several runs begin with these digits
        {
            _events.Record(new JoinFailed(_join, 0, e.Message));
            return null;
        }
    }

    /// <summary>Fetches the models of all makers.</summary>
    /// <returns>Why some are missing, in one line; null when all came.</returns>
    private async Task<string?> FetchAsync(AgreedCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        PeerId[] hints = [.. checkpoint.Makers.Select(m => m.Maker).Where(m => m != _self)];
        string? reason = null;
        foreach (Checkpoint wanted in checkpoint.Makers)
        {
            try
            {
                await _library.PullAsync(ModelKeep.Joined, wanted.Root, hints, signed => FindFault(wanted, signed), null, cancellationToken);
                _library.Announce(wanted.Root);
            }
            catch (IOException e)
            {
                reason = e.Message;
            }
        }

        if (reason is null)
        {
            await ReleaseEarlierAsync(checkpoint, cancellationToken);
        }

        return reason;
    }

    private async Task ReleaseEarlierAsync(AgreedCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        HashSet<Cid> kept = [.. checkpoint.Makers.Select(m => m.Root)];
        foreach ((ModelKeep keep, Cid root) in _library.List())
        {
            if (keep == ModelKeep.Joined && !kept.Contains(root))
            {
                await _library.ReleaseAsync(keep, root, cancellationToken);
            }
        }
    }

    private static string? FindFault(Checkpoint wanted, SignedManifest signed) =>
        signed.Maker != wanted.Maker ? "signed by another peer"
        : signed.Manifest.Round != wanted.Round ? "of another round"
        : signed.Manifest.TotalBytes != wanted.ModelBytes ? "of another size than attested"
        : null;

    private void NoteFetched(Fetched fetched)
    {
        _isFetching = false;
        _newest = Math.Max(_newest, fetched.Checkpoint.Round); // what did not come of it will come of the next
        string run = fetched.Checkpoint.Run.ToString();
        _events.Record(fetched.Reason is { } reason
            ? new JoinFailed(run, (int)fetched.Checkpoint.Round, reason)
            : new Mirrored(run, (int)fetched.Checkpoint.Round, [.. fetched.Checkpoint.Makers.Select(m => m.Root.ToString())]));
        Look();
    }

    private sealed record Fetched(AgreedCheckpoint Checkpoint, string? Reason);
}
