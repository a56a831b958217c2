using Akka.Actor;
using Akka.DistributedData;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using static P2PLearn.Actors.Replication.ReplicationProtocol;
using Subscribe = P2PLearn.Actors.Replication.ReplicationProtocol.Subscribe;

namespace P2PLearn.Actors.Replication;

/// <summary>Puts this node's contributions and attestations into DistributedData and tells subscribers what comes out of it.</summary>
/// <remarks>
/// A thin shell: what is wanted and what is there lives in <see cref="ReplicationStore"/>, outside the actor system. When the system is rebuilt the
/// new replicator starts from what the store holds. Its mailbox takes local messages only.
/// </remarks>
public sealed class ReplicationActor : ReceiveActor
{
    /// <summary>Its name below <c>/user</c>.</summary>
    public const string ActorName = "replication";

    private readonly ReplicationStore _store;
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private readonly ReplicatorWriter _writer;
    private readonly HashSet<IActorRef> _subscribers = [];

    /// <summary>Use <see cref="Props"/>.</summary>
    public ReplicationActor(ReplicationStore store)
    {
        _store = store;
        _writer = new ReplicatorWriter(_replicator, Self);
        Receive<Follow>(follow => OnFollow(follow.Scope));
        Receive<Publish>(publish => OnPublish(publish.Contribution));
        Receive<Prune>(OnPrune);
        Receive<Subscribe>(subscribe => OnSubscribe(subscribe.Subscriber));
        Receive<GetContributions>(_ => Sender.Tell(new ContributionsChanged(ContributionSet.Bottom, _store.Contributions)));
        Receive<Attest>(attest => OnAttest(attest.Attestation));
        Receive<GetAttestations>(_ => Sender.Tell(new AttestationsChanged(AttestationSet.Bottom, _store.Attestations)));
        Receive<Changed>(OnChanged);
        Receive<Saved>(OnSaved);
        Receive<ReplicatorWriter.Stored>(OnStored);
        Receive<IGetResponse>(OnLook);
        Receive<IUpdateResponse>(_ => { }); // of writes without a requester
        Receive<Terminated>(ended => _subscribers.Remove(ended.ActorRef));
    }

    /// <summary>How to create the actor.</summary>
    /// <param name="store">The same that is among the <see cref="Membership.ClusterHostOptions.Setups"/> of the actor system.</param>
    public static Props Props(ReplicationStore store) => Akka.Actor.Props.Create(() => new ReplicationActor(store));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        for (int shard = 0; shard < ReplicationOptions.ShardCount; shard++)
        {
            _replicator.Tell(Dsl.Subscribe(ContributionsKey.Shards[shard], Self));
            _replicator.Tell(Dsl.Subscribe(AttestationsKey.Shards[shard], Self));
            AttestationSet attestations = _store.AttestationShardContent(shard);
            if (!attestations.IsBottom)
            {
                _writer.Add(shard, attestations, null);
            }
        }

        OfferContributions();
    }

    private void OnFollow(ContributionScope scope)
    {
        bool isNews = !scope.Runs.Keys.All(_store.Scope.Runs.ContainsKey);
        _store.Scope = scope;
        if (isNews)
        {
            OfferContributions(); // what a former process of this node left of the run
        }

        foreach (ContributionsKey shard in ContributionsKey.Shards)
        {
            _replicator.Tell(Dsl.Get(shard, ReadLocal.Instance)); // what was there before it was wanted
        }
    }

    /// <summary>Puts into the replicator what the store has of the runs that are followed.</summary>
    private void OfferContributions()
    {
        for (int shard = 0; shard < ReplicationOptions.ShardCount; shard++)
        {
            ContributionSet content = _store.ShardContent(shard);
            if (!content.IsBottom)
            {
                _writer.Add(shard, content, null);
            }
        }
    }

    private void OnPublish(Contribution contribution)
    {
        int shard = ReplicationStore.ShardOf(contribution.Run, contribution.Peer);
        ContributionSet single = ContributionSet.Bottom.Add(contribution).State;
        ContributionMerge check = _store.ShardContent(shard).Merge(
            single, _store.Verifier, _store.Scope with { Limits = _store.Options.ShardLimits });
        ReplicationRefusal? refusal = check switch
        {
            { BadSignature: > 0 } => ReplicationRefusal.BadSignature,
            { OutOfScope: > 0 } => ReplicationRefusal.OutOfScope,
            { OverLimit: > 0 } => ReplicationRefusal.LimitReached,
            _ => null,
        };
        if (refusal is { } reason)
        {
            Sender.Tell(new PublishRefused(contribution, reason));
            return;
        }

        Save(new ReplicationRequest(Sender, contribution));
    }

    private void OnAttest(Attestation attestation)
    {
        if (_store.Admit(attestation) is { } reason)
        {
            Sender.Tell(new AttestRefused(attestation, reason));
            return;
        }

        Save(new ReplicationRequest(Sender, attestation));
    }

    private void OnPrune(Prune prune)
    {
        _store.Prune(prune.Run, prune.Below);
        for (int shard = 0; shard < ReplicationOptions.ShardCount; shard++)
        {
            _writer.Prune(shard, prune.Run, prune.Below);
        }
    }

    private void OnSubscribe(IActorRef subscriber)
    {
        _subscribers.Add(subscriber);
        Context.Watch(subscriber);
        subscriber.Tell(new ContributionsChanged(_store.Contributions, _store.Contributions));
        subscriber.Tell(new AttestationsChanged(_store.Attestations, _store.Attestations));
    }

    private void OnChanged(Changed changed)
    {
        if (changed.Key is ContributionsKey && changed.Data is ReplicatedContributions contributions)
        {
            Take(contributions.Set);
        }
        else if (changed.Key is AttestationsKey && changed.Data is ReplicatedAttestations attestations)
        {
            Take(attestations.Set);
        }
    }

    private void OnLook(IGetResponse found)
    {
        if (found.IsFound && found.Key is ContributionsKey key)
        {
            Take(found.Get(key).Set);
        }
    }

    /// <summary>Puts an own statement on the disk before anybody else can see it: what is announced is never forgotten.</summary>
    private void Save(ReplicationRequest request)
    {
        if (_store.Database is { } database)
        {
            database.SaveAsync(request.Item).PipeTo(Self, success: saved => new Saved(request, saved));
        }
        else
        {
            _writer.Add(request);
        }
    }

    private void OnSaved(Saved saved)
    {
        if (saved.IsSuccess)
        {
            _writer.Add(saved.Request);
        }
        else
        {
            saved.Request.Refuse(ReplicationRefusal.DiskFailed);
        }
    }

    /// <summary>The replicator's answer to a write that somebody asked for.</summary>
    private void OnStored(ReplicatorWriter.Stored stored)
    {
        if (!stored.IsSuccess)
        {
            stored.Request.Refuse(ReplicationRefusal.NotStored);
            return;
        }

        Take(stored.Request.Item); // subscribers need not wait for the replicator's next notice
        stored.Request.Accept();
    }

    private void Take(object item)
    {
        if (item is Contribution contribution)
        {
            Take(ContributionSet.Bottom.Add(contribution).State);
        }
        else if (item is Attestation attestation)
        {
            Take(AttestationShards.SetOf([attestation]));
        }
    }

    private void Take(ContributionSet contributions)
    {
        ContributionSet added = _store.Take(contributions);
        if (!added.IsBottom)
        {
            Tell(new ContributionsChanged(added, _store.Contributions));
        }
    }

    private void Take(AttestationSet attestations)
    {
        AttestationSet added = _store.Take(attestations);
        if (!added.IsBottom)
        {
            Tell(new AttestationsChanged(added, _store.Attestations));
        }
    }

    private void Tell(object message)
    {
        foreach (IActorRef subscriber in _subscribers)
        {
            subscriber.Tell(message);
        }
    }

    /// <summary>What was asked for is on the disk, or not.</summary>
    private sealed record Saved(ReplicationRequest Request, bool IsSuccess);
}
