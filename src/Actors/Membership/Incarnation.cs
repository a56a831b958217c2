using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Remote;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>Why an incarnation is over.</summary>
internal enum IncarnationEnd
{
    /// <summary>The host stops.</summary>
    Stopped,

    /// <summary>It left, by its own or another member's wish.</summary>
    Left,

    /// <summary>It was downed, or its actor system ended for another reason.</summary>
    Ended,

    /// <summary>Another member has quarantined it.</summary>
    Quarantined,

    /// <summary>It is alone, and a peer that it knows of is about.</summary>
    Island,
}

/// <summary>One actor system of a node: from its making, with a fresh uid, to its end.</summary>
internal sealed class Incarnation
{
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _quarantined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<Incarnation, ClusterSnapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)>> _tell;
    private readonly PeerId _self;

    /// <summary>Builds the actor system and its watcher.</summary>
    /// <param name="options">The node's options.</param>
    /// <param name="setup">Of the transport.</param>
    /// <param name="tell">Takes states and changes; must be quick.</param>
    public Incarnation(
        ClusterHostOptions options,
        P2PTransportSetup setup,
        Action<Incarnation, ClusterSnapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)>> tell)
    {
        _tell = tell;
        _self = setup.Streams.LocalPeer;
        Config config = AkkaConfig.Build(options.Roles, options.AppVersion, options.Timings, setup.Options, setup.Rules);
        if (options.Overlay is { } overlay)
        {
            config = ConfigurationFactory.ParseString(overlay).WithFallback(config);
        }

        System = ActorSystem.Create(
            AkkaAddress.SystemName, ActorSystemSetup.Create([BootstrapSetup.Create().WithConfig(config), setup, .. options.Setups]));
        Cluster = Akka.Cluster.Cluster.Get(System);
        System.ActorOf(ClusterWatcher.Props(_self, setup.Time, options.Timings.IsHasteUseful ? options.Timings.HasteInterval : TimeSpan.Zero, Note, _ => _quarantined.TrySetResult()), "cluster-watcher");
    }

    public ActorSystem System { get; }

    public Cluster Cluster { get; }

    /// <summary>Ends when this node is a member.</summary>
    public Task Joined => _joined.Task;

    /// <summary>Ends when another member will have nothing to do with this incarnation any more.</summary>
    public Task Quarantined => _quarantined.Task;

    /// <summary>Members were asked to let this node in. From then on it may be one for them before it knows.</summary>
    public bool HasAsked { get; private set; }

    /// <summary>This node was seen leaving, so its end is no accident.</summary>
    public bool IsLeaving { get; private set; }

    /// <summary>Its system has ended; what its watcher may still say is out of date.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Asks members to let this node in.</summary>
    public void Ask(IEnumerable<Address> members)
    {
        HasAsked = true;
        Cluster.JoinSeedNodes(members);
    }

    /// <summary>Takes note of the incarnation with which a peer has just opened a membership link.</summary>
    /// <remarks>
    /// If the peer is a member with another one, that one is gone: the link is authenticated, and a peer has one actor system. Akka's cluster
    /// is told so in its own words, and need not wait until its failure detector finds out.
    /// </remarks>
    public void NoteIncarnation(PeerId peer, long uid)
    {
        Address address = AkkaAddress.Of(peer);
        UniqueAddress? before = IsOver || Cluster.IsTerminated
            ? null
            : Cluster.State.Members.FirstOrDefault(member => member.Address.Equals(address))?.UniqueAddress;
        if (before is not null && before.Uid != (int)uid)
        {
            System.EventStream.Publish(new QuarantinedEvent(address, before.Uid));
        }
    }

    /// <summary>Leaves the cluster, unless abruptly, and ends the system; after the limit, without leaving.</summary>
    public async Task EndAsync(bool abruptly, TimeSpan limit, TimeProvider time, ILogger log)
    {
        try
        {
            Task graceful = abruptly ? Task.CompletedTask : LeaveAsync();
            await graceful.WaitAsync(limit, time);
            await System.Terminate().WaitAsync(limit, time);
        }
        catch (TimeoutException)
        {
            log.LeaveTimedOut(limit);
            await Task.WhenAny(System.Terminate(), Task.Delay(limit, time));
        }
        finally
        {
            IsOver = true;
        }
    }

    private async Task LeaveAsync()
    {
        if (HasAsked)
        {
            // Akka forgets a leave before the welcome, and the others would have to find out that their new member is gone.
            await Task.WhenAny(Joined, Quarantined, System.WhenTerminated);
        }

        if (Joined.IsCompletedSuccessfully)
        {
            await CoordinatedShutdown.Get(System).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        }
    }

    private void Note(ClusterSnapshot snapshot, IReadOnlyList<(ClusterChangeKind Kind, PeerId? Peer)> changes)
    {
        bool member = snapshot.SelfMember is { State: MemberState.Up or MemberState.WeaklyUp or MemberState.Joining };
        IsLeaving |= snapshot.SelfMember is { State: MemberState.Leaving or MemberState.Exiting }
            || changes.Any(change => change.Peer == _self
                && change.Kind is ClusterChangeKind.MemberLeft or ClusterChangeKind.MemberExited);
        _tell(this, snapshot, changes);
        if (member)
        {
            _joined.TrySetResult();
        }
    }
}
