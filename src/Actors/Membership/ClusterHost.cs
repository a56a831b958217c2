using Akka.Actor;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Keeps a node in the cluster: joins or founds, comes back by itself when it was lost, leaves gracefully when stopped.</summary>
/// <remarks>
/// Lives outside Akka, because a downed actor system ends itself and never comes back: its uid is quarantined at the others. Each rebuild is a fresh
/// system with the same peer id, in which the guests' actors are created anew. Safe for several threads.
/// </remarks>
public sealed class ClusterHost : IAsyncDisposable
{
    private readonly ClusterHostOptions _options;
    private readonly P2PTransportSetup _setup;
    private readonly Joiner _joiner;
    private readonly JoiningPeers _joining;
    private readonly long _start;
    private readonly Action<ActorSystem> _attach;
    private readonly ILogger _log;
    private readonly KnownMembers _known;
    private readonly Random _random;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<ClusterSubscription> _subscriptions = [];
    private TaskCompletionSource _member = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ClusterSnapshot _snapshot;
    private volatile Incarnation? _current;
    private Task? _run;
    private bool _wasBuilt;
    private volatile bool _abrupt;
    private volatile IReadOnlyList<JoinBlocker> _blockers = [];
    private MembersProtocol? _members;

    /// <summary>Creates a host; nothing happens before <see cref="Start"/>.</summary>
    /// <param name="options">How the node takes part.</param>
    /// <param name="streams">The network; not owned.</param>
    /// <param name="time">Clock of deadlines and pauses; Akka itself runs on the system's.</param>
    /// <param name="loggers">Where log lines go, Akka's too.</param>
    /// <param name="attach">Creates the guests' actors in each new actor system, before it joins.</param>
    /// <param name="reachability">Whether a peer can be talked to; by default, whether a membership stream opens.</param>
    public ClusterHost(
        ClusterHostOptions options,
        IPeerStreams streams,
        TimeProvider time,
        ILoggerFactory loggers,
        Action<ActorSystem>? attach = null,
        IReachability? reachability = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(streams);
        options.Validate();
        _options = options;
        _attach = attach ?? (static _ => { });
        _log = loggers.CreateLogger<ClusterHost>();
        _known = new KnownMembers(options.MembersFile, options.MaxKnownMembers);
        _random = new Random(streams.LocalPeer.GetHashCode()); // only spreads pauses
        _snapshot = new ClusterSnapshot { Self = streams.LocalPeer };
        P2PTransportSetup setup = new(streams, time, loggers) { Options = options.Transport, Rules = options.Rules };
        _setup = options.TransportSetup?.Invoke(setup) ?? setup;
        reachability ??= new StreamReachability(streams);
        Paths = new MemberPaths(options.Paths, streams, reachability, time, _log);
        _joining = new JoiningPeers(options.JoiningWord);
        _joiner = new Joiner(options, streams, time, reachability, KnownPeers, _log, Block);
        _start = time.GetTimestamp();
        _setup.OnIncarnation = (peer, uid) => _current?.NoteIncarnation(peer, uid);
    }

    /// <summary>The cluster as this node sees it now.</summary>
    public ClusterSnapshot Snapshot => _snapshot;

    /// <summary>The paths to the other members, kept while this node is one.</summary>
    public MemberPaths Paths { get; }

    /// <summary>The protocol that newcomers ask members by who is there.</summary>
    public static ProtocolId MembersProtocolId => MembersProtocol.Id;

    /// <summary>The live members that this node cannot reach, because of which it does not join; none while it is a member.</summary>
    public IReadOnlyList<JoinBlocker> Blockers => _blockers;

    /// <summary>What the membership plane's transport has counted.</summary>
    public TransportCounters Counters => _setup.Counters;

    /// <summary>The actor system of the present incarnation; null before the start, while rebuilding and after the end.</summary>
    public ActorSystem? System => _current?.System;

    /// <summary>Peers once seen as members, newest first.</summary>
    public IReadOnlyList<PeerId> FormerMembers => _known.All;

    /// <summary>Ends when the host is out of the cluster for good: stopped, or made to leave. Fails when no actor system could be built at the start.</summary>
    public Task Completion => _run ?? Task.CompletedTask;

    /// <summary>Begins to join or found; returns at once.</summary>
    /// <exception cref="InvalidOperationException">Started before.</exception>
    public void Start()
    {
        lock (_gate)
        {
            if (_run is not null)
            {
                throw new InvalidOperationException("the host was started before");
            }

            _members = new MembersProtocol(_setup.Streams, _setup.Time, Answer);
            Paths.Start();
            _run = Task.Run(RunAsync);
        }
    }

    /// <summary>Waits until this node is a member.</summary>
    /// <exception cref="OperationCanceledException">Cancelled, or the host stopped first.</exception>
    public Task WaitUntilMemberAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return _member.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Listens to changes from now on.</summary>
    public ClusterSubscription Subscribe()
    {
        lock (_gate)
        {
            ClusterSubscription subscription = new(_snapshot, Forget);
            _subscriptions.Add(subscription);
            if (_snapshot.Phase == HostPhase.Left)
            {
                subscription.Complete();
            }

            return subscription;
        }
    }

    /// <summary>Lets a member leave gracefully; this node too. A node that was made to leave does not come back by itself.</summary>
    public MembershipResult Leave(PeerId peer) => Act(peer, (cluster, address) => cluster.Leave(address));

    /// <summary>Declares a member lost. If it is not, it comes back as a fresh incarnation by itself.</summary>
    public MembershipResult Down(PeerId peer) => Act(peer, (cluster, address) => cluster.Down(address));

    /// <summary>Declares every unreachable member lost.</summary>
    /// <returns>Who was.</returns>
    public IReadOnlyList<PeerId> DownUnreachable() =>
        [.. _snapshot.Unreachable.Select(member => member.Peer).Where(peer => Down(peer) == MembershipResult.Accepted)];

    /// <summary>Leaves the cluster gracefully, within <see cref="ClusterHostOptions.LeaveLimit"/>. Harmless when repeated.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Completion;
        _members?.Dispose();
        await Paths.DisposeAsync();
        Publish(_snapshot with { Phase = HostPhase.Left, Members = [] }, []);
        lock (_gate)
        {
            _member.TrySetCanceled();
            _subscriptions.ForEach(subscription => subscription.Complete());
        }
    }

    /// <summary>Tests only: ends as a crash would, without leaving.</summary>
    internal Task AbortAsync()
    {
        _abrupt = true;
        return StopAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_snapshot.Phase != HostPhase.Left || !_stop.IsCancellationRequested)
        {
            await StopAsync();
        }

        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        int losses = 0;
        bool wasMember = false;
        while (!_stop.IsCancellationRequested)
        {
            long start = _setup.Time.GetTimestamp();
            IncarnationEnd end = await LiveAsync(wasMember);
            if (end is IncarnationEnd.Stopped or IncarnationEnd.Left)
            {
                break;
            }

            wasMember = end is IncarnationEnd.Ended or IncarnationEnd.Quarantined && _snapshot.Members.Count > 1;
            losses = _setup.Time.GetElapsedTime(start) > _options.MaxRebuildPause * 10 ? 1 : losses + 1;
            await PauseAsync(end, losses);
        }

        _log.Left();
        Publish(_snapshot with { Phase = HostPhase.Left, Members = [] }, []);
    }

    /// <summary>One incarnation from its making to its end.</summary>
    private async Task<IncarnationEnd> LiveAsync(bool wasMember)
    {
        Publish(_snapshot with { Phase = HostPhase.Joining, Members = [] }, []);
        Incarnation incarnation;
        try
        {
            incarnation = new Incarnation(_options, _setup, Note);
        }
        catch (Exception e) when (_wasBuilt && e is not OutOfMemoryException)
        {
            _log.BuildFailed(e); // e.g. the one before has not let go of the network yet; the pause grows
            return IncarnationEnd.Ended;
        }

        _wasBuilt = true;
        _current = incarnation;
        _attach(incarnation.System);
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task<IncarnationEnd> joining = JoinThenWatchAsync(incarnation, wasMember, over.Token);
        Task first = await Task.WhenAny(joining, incarnation.System.WhenTerminated, incarnation.Quarantined);
        await over.CancelAsync();
        IncarnationEnd end = await joining;
        end = _stop.IsCancellationRequested ? IncarnationEnd.Stopped
            : incarnation.IsLeaving ? IncarnationEnd.Left
            : first == incarnation.Quarantined ? IncarnationEnd.Quarantined
            : first == joining ? end
            : IncarnationEnd.Ended;
        Publish(_snapshot with { Phase = end is IncarnationEnd.Stopped or IncarnationEnd.Left ? HostPhase.Leaving : HostPhase.Rebuilding }, []);
        await incarnation.EndAsync(_abrupt, _options.LeaveLimit, _setup.Time, _log);
        _current = null;
        return end;
    }

    private async Task<IncarnationEnd> JoinThenWatchAsync(Incarnation incarnation, bool wasMember, CancellationToken cancellationToken)
    {
        try
        {
            await _joiner.JoinAsync(incarnation, wasMember, cancellationToken);
            _log.Joined(_snapshot.Members.Count);
            await _joiner.WatchForIslandAsync(() => _snapshot.Members.Count == 1, cancellationToken);
            return IncarnationEnd.Island;
        }
        catch (OperationCanceledException)
        {
            return IncarnationEnd.Stopped;
        }
    }

    private PeerId[] KnownPeers() =>
        [.. _options.Seeds.Union(_known.All).Where(peer => peer != _snapshot.Self).Take(_options.MaxKnownMembers)];

    private async Task PauseAsync(IncarnationEnd end, int losses)
    {
        double factor = Math.Min(Math.Pow(2, losses - 1), _options.MaxRebuildPause / _options.RebuildPause);
        TimeSpan pause = _options.RebuildPause * factor * (0.75 + (_random.NextDouble() / 2));
        _log.Lost(end.ToString(), pause);
        try
        {
            await Task.Delay(pause, _setup.Time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // stopped while it waited
        }
    }

    private MembershipResult Act(PeerId peer, Action<Akka.Cluster.Cluster, Address> act)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ClusterSnapshot snapshot = _snapshot;
        if (_current is not { } current || snapshot.SelfMember is null)
        {
            return MembershipResult.NotInCluster;
        }

        if (snapshot.Find(peer) is not { } member)
        {
            return MembershipResult.UnknownMember;
        }

        if (member.State is MemberState.Exiting or MemberState.Down or MemberState.Removed)
        {
            return MembershipResult.AlreadyGoing;
        }

        act(current.Cluster, member.Address);
        return MembershipResult.Accepted;
    }

    /// <summary>Takes a state from the watcher of an incarnation.</summary>
    private void Note(
        Incarnation incarnation, ClusterSnapshot snapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)> changes)
    {
        HostPhase phase = snapshot.SelfMember switch
        {
            null => incarnation.IsLeaving ? HostPhase.Leaving : HostPhase.Joining,
            { State: MemberState.Leaving or MemberState.Exiting } => HostPhase.Leaving,
            { State: MemberState.Down } => HostPhase.Rebuilding,
            _ => HostPhase.Member,
        };
        Remember(snapshot);
        if (!incarnation.IsOver)
        {
            Publish(snapshot with { Phase = phase }, changes);
        }
    }

    /// <summary>What this node says to one that would join.</summary>
    private MembersAnswer Answer(PeerId asker, bool isJoining)
    {
        ClusterSnapshot snapshot = _snapshot;
        bool isMember = snapshot.Phase == HostPhase.Member;
        IReadOnlyCollection<PeerId> withoutPath = Paths.WithoutPath, connected = _setup.Streams.ConnectedPeers;
        PeerId[] live = [.. snapshot.Members
            .Where(member => member.IsReachable && member.State is MemberState.Joining or MemberState.WeaklyUp or MemberState.Up)
            .Select(member => member.Peer)
            .Where(peer => peer != snapshot.Self && peer != asker && !withoutPath.Contains(peer))];
        PeerId[] joining = [.. _joining.Note(asker, isJoining, _setup.Time.GetElapsedTime(_start)).Where(connected.Contains)];
        return new MembersAnswer(isMember, isMember ? live : [], joining);
    }

    private void Block(IReadOnlyList<JoinBlocker> blockers, IReadOnlyList<JoinBlocker> news)
    {
        _blockers = blockers;
        if (news.Count > 0)
        {
            Publish(_snapshot, [.. news.Select(blocker => (ClusterChangeKind.JoinBlocked, (PeerId?)blocker.Peer))]);
        }
    }

    private void Remember(ClusterSnapshot snapshot)
    {
        try
        {
            _known.Add(snapshot.Members.Select(member => member.Peer).Where(peer => peer != snapshot.Self));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.MembersNotSaved(e);
        }
    }

    private void Publish(ClusterSnapshot snapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)> changes)
    {
        lock (_gate)
        {
            List<(ClusterChangeKind Kind, PeerId? Peer)> all = [.. changes];
            if (snapshot.Phase != _snapshot.Phase)
            {
                all.Add((ClusterChangeKind.PhaseChanged, snapshot.Self));
            }

            _snapshot = snapshot;
            Paths.Keep(snapshot.Phase == HostPhase.Member ? PathsOf(snapshot) : []);
            TrackMember(snapshot.Phase == HostPhase.Member);
            DateTimeOffset now = _setup.Time.GetUtcNow();
            foreach ((ClusterChangeKind kind, PeerId? peer) in all)
            {
                _log.Changed(kind, peer?.ToShortString() ?? "-");
                ClusterChange change = new(kind, peer, now, snapshot);
                _subscriptions.ToList().ForEach(subscription => subscription.Tell(change));
            }
        }
    }

    private static PeerId[] PathsOf(ClusterSnapshot snapshot) =>
        [.. snapshot.Members.Where(member => member.State is MemberState.Joining or MemberState.WeaklyUp or MemberState.Up)
            .Select(member => member.Peer)]; // who is going may have gone

    private void TrackMember(bool isMember)
    {
        if (isMember)
        {
            _member.TrySetResult();
        }
        else if (_member.Task.IsCompletedSuccessfully)
        {
            _member = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private void Forget(ClusterSubscription subscription)
    {
        lock (_gate)
        {
            _subscriptions.Remove(subscription);
        }
    }
}
