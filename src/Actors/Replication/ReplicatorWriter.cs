using Akka.Actor;
using Akka.DistributedData;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>Writes to this node's replicator, which sends it on.</summary>
/// <param name="replicator">Of this actor system.</param>
/// <param name="owner">Who is told <see cref="Stored"/> of writes that somebody asked for; it gets the replicator's own answer to the others.</param>
internal sealed class ReplicatorWriter(IActorRef replicator, IActorRef owner)
{
    private static readonly TimeSpan UpdateLimit = TimeSpan.FromSeconds(5);

    /// <summary>Adds contributions to their shard.</summary>
    public void Add(int shard, ContributionSet added, ReplicationRequest? request) => Update(shard, set => set.With(added), request);

    /// <summary>Adds attestations to their shard.</summary>
    public void Add(int shard, AttestationSet added, ReplicationRequest? request) => Send(
        Dsl.Update(AttestationsKey.Shards[shard], ReplicatedAttestations.Empty, WriteLocal.Instance, set => set.With(added)), request);

    /// <summary>Adds the contribution or attestation that somebody asked for.</summary>
    public void Add(ReplicationRequest request)
    {
        if (request.Item is Contribution contribution)
        {
            ContributionSet single = ContributionSet.Bottom.Add(contribution).State;
            Add(ReplicationStore.ShardOf(contribution.Run, contribution.Peer), single, request);
        }
        else if (request.Item is Attestation attestation)
        {
            Add(AttestationShards.ShardOf(attestation), AttestationShards.SetOf([attestation]), request);
        }
    }

    /// <summary>Drops the run's rounds below a watermark, where there are any.</summary>
    public void Prune(int shard, RunId run, uint below) =>
        Update(shard, set => set.Set.RoundsOf(run).Any(round => round < below) ? set.Prune(run, below) : set, null);

    private void Update(int shard, Func<ReplicatedContributions, ReplicatedContributions> modify, ReplicationRequest? request) =>
        Send(Dsl.Update(ContributionsKey.Shards[shard], ReplicatedContributions.Empty, WriteLocal.Instance, modify), request);

    private void Send(object update, ReplicationRequest? request)
    {
        if (request is null)
        {
            replicator.Tell(update, owner);
            return;
        }

        replicator.Ask<IUpdateResponse>(update, UpdateLimit).PipeTo(
            owner, success: answer => new Stored(request, answer.IsSuccessful), failure: _ => new Stored(request, false));
    }

    /// <summary>The replicator's answer to a write that somebody asked for.</summary>
    internal sealed record Stored(ReplicationRequest Request, bool IsSuccess);
}
