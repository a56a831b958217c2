using Akka.Actor;
using Akka.Cluster;
using Akka.Remote;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>Turns Akka's cluster events into ours and hands them to the host of this actor system.</summary>
/// <remarks>An event is told together with the state that Akka's publisher sends after it, so a listener never sees a state older than the event.</remarks>
internal sealed class ClusterWatcher : ReceiveActor, IWithTimers
{
    private readonly GossipHaste _haste = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _hasteInterval;
    private readonly long _start;
    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private readonly PeerId _self;
    private readonly Action<ClusterSnapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)>> _tell;
    private readonly List<(ClusterChangeKind Kind, PeerId? Peer)> _pending = [];
    private IReadOnlyDictionary<UniqueAddress, IReadOnlyList<PeerId>> _observers =
        new Dictionary<UniqueAddress, IReadOnlyList<PeerId>>();

    /// <param name="self">This node.</param>
    /// <param name="time">Clock.</param>
    /// <param name="hasteInterval">Between two exchanges of news while somebody comes or goes; zero: at Akka's own pace.</param>
    /// <param name="tell">Takes a new state and the changes that led to it; must be quick.</param>
    /// <param name="quarantined">Called when another member will never talk to this incarnation again.</param>
    public ClusterWatcher(
        PeerId self,
        TimeProvider time,
        TimeSpan hasteInterval,
        Action<ClusterSnapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)>> tell,
        Action<PeerId?> quarantined)
    {
        (_self, _time, _hasteInterval, _start) = (self, time, hasteInterval, time.GetTimestamp());
        _tell = tell;
        Receive<ClusterEvent.CurrentClusterState>(Tell);
        Receive<ThisActorSystemQuarantinedEvent>(e => quarantined(SnapshotReader.PeerOf(e.RemoteAddress)));
        Receive<ClusterEvent.IClusterDomainEvent>(Note);
        Receive<HasteTick>(_ => Hasten());
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(
        PeerId self,
        TimeProvider time,
        TimeSpan hasteInterval,
        Action<ClusterSnapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)>> tell,
        Action<PeerId?> quarantined) =>
        Akka.Actor.Props.Create(() => new ClusterWatcher(self, time, hasteInterval, tell, quarantined));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        List<Type> events = [typeof(ClusterEvent.IMemberEvent), typeof(ClusterEvent.IReachabilityEvent), typeof(ClusterEvent.LeaderChanged)];
        if (SnapshotReader.ReachabilityChanged is { } internalEvent)
        {
            events.Add(internalEvent);
        }

        _cluster.Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsSnapshot, [.. events]);
        Context.System.EventStream.Subscribe(Self, typeof(ThisActorSystemQuarantinedEvent));
    }

    /// <inheritdoc/>
    protected override void PostStop()
    {
        _cluster.Unsubscribe(Self);
        Context.System.EventStream.Unsubscribe(Self);
    }

    private void Note(ClusterEvent.IClusterDomainEvent domainEvent)
    {
        if (Translate(domainEvent) is { } change)
        {
            _pending.Add(change);
        }
        else if (domainEvent.GetType() == SnapshotReader.ReachabilityChanged)
        {
            _observers = SnapshotReader.ObserversOf(domainEvent);
        }

        _cluster.SendCurrentClusterState(Self);
    }

    private void Tell(ClusterEvent.CurrentClusterState state)
    {
        ClusterSnapshot snapshot = SnapshotReader.Read(_self, state, _observers);
        if (_pending.Count > 0)
        {
            _haste.Note(snapshot.Members.Select(member => member.State), _time.GetElapsedTime(_start));
            if (_hasteInterval > TimeSpan.Zero && !Timers.IsTimerActive(HasteTick.Instance))
            {
                Timers.StartPeriodicTimer(HasteTick.Instance, HasteTick.Instance, _hasteInterval);
            }
        }

        _tell(snapshot, [.. _pending]);
        _pending.Clear();
    }

    /// <summary>Gossips once more than Akka would, and comes back while there is haste.</summary>
    private void Hasten()
    {
        if (GossipHaste.Tick is not { } tick || !_haste.IsHasty(_time.GetElapsedTime(_start)))
        {
            Timers.Cancel(HasteTick.Instance);
        }
        else
        {
            Context.ActorSelection("/system/cluster/core/daemon").Tell(tick);
        }
    }

    private static (ClusterChangeKind Kind, PeerId? Peer)? Translate(ClusterEvent.IClusterDomainEvent domainEvent) => domainEvent switch
    {
        ClusterEvent.MemberJoined e => Of(ClusterChangeKind.MemberJoined, e.Member),
        ClusterEvent.MemberWeaklyUp e => Of(ClusterChangeKind.MemberWeaklyUp, e.Member),
        ClusterEvent.MemberUp e => Of(ClusterChangeKind.MemberUp, e.Member),
        ClusterEvent.MemberLeft e => Of(ClusterChangeKind.MemberLeft, e.Member),
        ClusterEvent.MemberExited e => Of(ClusterChangeKind.MemberExited, e.Member),
        ClusterEvent.MemberDowned e => Of(ClusterChangeKind.MemberDowned, e.Member),
        ClusterEvent.MemberRemoved e => Of(ClusterChangeKind.MemberRemoved, e.Member),
        ClusterEvent.UnreachableMember e => Of(ClusterChangeKind.UnreachableMember, e.Member),
        ClusterEvent.ReachableMember e => Of(ClusterChangeKind.ReachableMember, e.Member),
        ClusterEvent.LeaderChanged e => (ClusterChangeKind.LeaderChanged, SnapshotReader.PeerOf(e.Leader)),
        _ => null,
    };

    private static (ClusterChangeKind Kind, PeerId? Peer) Of(ClusterChangeKind kind, Member member) =>
        (kind, SnapshotReader.PeerOf(member.Address));

    private sealed class HasteTick
    {
        public static readonly HasteTick Instance = new();
    }
}
