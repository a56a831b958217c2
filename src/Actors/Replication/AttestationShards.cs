using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>What of the attestations this node has let in, by shard, and what has come out of the replicator.</summary>
/// <remarks>
/// Anybody who can sign may attest, so the limits of a shard have to hold for all that was ever let into it, not for each message by itself: many
/// messages, each within the limits, would make a shard that is too large to be sent. What is admitted here is all that the replicator ever holds
/// of others, and of this node. Safe for several threads.
/// </remarks>
internal sealed class AttestationShards(ISignatureVerifier verifier, ReplicationOptions options)
{
    private readonly Lock _gate = new();
    private readonly AttestationSet[] _admitted = [.. Enumerable.Repeat(AttestationSet.Bottom, ReplicationOptions.ShardCount)];
    private volatile AttestationScope _scope = new() { Limits = options.AttestationShardLimits };
    private AttestationSet _taken = AttestationSet.Bottom;

    /// <summary>Whose attestations of which runs are let in; its limits are replaced.</summary>
    public AttestationScope Scope
    {
        get => _scope;
        set => _scope = value with { Limits = options.AttestationShardLimits };
    }

    /// <summary>All that was taken so far.</summary>
    public AttestationSet Taken
    {
        get
        {
            lock (_gate)
            {
                return _taken;
            }
        }
    }

    /// <summary>Lets in what is wanted, within the limits and validly signed.</summary>
    /// <returns>The part of the foreign set that has been let in, now or before.</returns>
    public AttestationSet Filter(AttestationSet foreign)
    {
        AttestationSet kept = AttestationSet.Bottom;
        foreach (IGrouping<int, Attestation> part in foreign.All.GroupBy(ShardOf))
        {
            AttestationSet admitted = Admit(part.Key, SetOf(part)).State;
            kept = kept.Join(SetOf(part.Where(admitted.Contains)));
        }

        return kept;
    }

    /// <summary>Lets one attestation in, of this node as a rule.</summary>
    /// <returns>Why not; null when it is in, or a newer one in its place.</returns>
    public ReplicationRefusal? Admit(Attestation attestation)
    {
        if (!AttestationKinds.IsKnown(attestation.Kind) || attestation.Payload.Length > Attestation.MaxPayloadBytes)
        {
            return ReplicationRefusal.LimitReached;
        }

        return Admit(ShardOf(attestation), SetOf([attestation])) switch
        {
            { BadSignature: > 0 } => ReplicationRefusal.BadSignature,
            { OutOfScope: > 0 } => ReplicationRefusal.OutOfScope,
            { OverLimit: > 0 } => ReplicationRefusal.LimitReached,
            _ => null,
        };
    }

    /// <summary>Takes what came out of the replicator.</summary>
    /// <returns>What was new.</returns>
    public AttestationSet Take(AttestationSet attestations)
    {
        lock (_gate)
        {
            AttestationMerge merge = _taken.Merge(
                attestations, verifier, new AttestationScope { Limits = options.AttestationSetLimits });
            _taken = merge.State;
            return merge.Added;
        }
    }

    /// <summary>Lets in and takes what a former process of this node left, within the limits.</summary>
    public void Restore(AttestationSet attestations) => Take(Filter(attestations));

    /// <summary>Attestations taken that belong to a shard.</summary>
    public AttestationSet Content(int shard) => SetOf(Taken.All.Where(attestation => ShardOf(attestation) == shard));

    /// <summary>The shard of an attestation, the same on every member.</summary>
    public static int ShardOf(Attestation attestation) => ReplicationStore.ShardOf(attestation.Run, attestation.Peer);

    /// <summary>A set of these.</summary>
    public static AttestationSet SetOf(IEnumerable<Attestation> attestations) =>
        attestations.Aggregate(AttestationSet.Bottom, static (set, attestation) => set.Add(attestation).State);

    private AttestationMerge Admit(int shard, AttestationSet part)
    {
        lock (_gate)
        {
            AttestationMerge merge = _admitted[shard].Merge(part, verifier, _scope);
            _admitted[shard] = merge.State;
            return merge;
        }
    }
}
