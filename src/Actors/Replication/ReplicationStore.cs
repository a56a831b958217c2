using Akka.Actor.Setup;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>What this node wants of the replicated data, and what it has of it: outlives a rebuilt actor system.</summary>
/// <remarks>
/// As a <see cref="Setup"/> of the actor system it reaches <see cref="CrdtSerializer"/>, which lets nothing in that is not wanted or not
/// validly signed. Safe for several threads.
/// </remarks>
public sealed class ReplicationStore : Setup
{
    private readonly Lock _gate = new();
    private volatile ContributionScope _scope = new() { Runs = new Dictionary<RunId, RunScope>() };
    private readonly AttestationShards _attestations;
    private ContributionSet _contributions = ContributionSet.Bottom;

    /// <summary>Creates a store that wants nothing yet.</summary>
    /// <param name="verifier">Checks the contributions' signatures.</param>
    /// <param name="options">Limits.</param>
    public ReplicationStore(ISignatureVerifier verifier, ReplicationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        Verifier = verifier;
        Options = options ?? new ReplicationOptions();
        Options.Validate();
        _attestations = new AttestationShards(verifier, Options);
    }

    /// <summary>Limits.</summary>
    public ReplicationOptions Options { get; }

    /// <summary>Checks the contributions' signatures.</summary>
    public ISignatureVerifier Verifier { get; }

    /// <summary>
    /// What is taken from others now: runs, rounds, peers. Its limits are replaced by the store's. Contributions of other runs are forgotten, or runs
    /// long ended would fill the shards; a scope without any run forgets nothing.
    /// </summary>
    public ContributionScope Scope
    {
        get => _scope;
        set
        {
            _scope = value with { Limits = Options.SetLimits };
            if (value.Runs.Count > 0)
            {
                Change(contributions => contributions.Under(value.Runs.ContainsKey));
            }
        }
    }

    /// <summary>All contributions taken so far and not pruned.</summary>
    public ContributionSet Contributions
    {
        get
        {
            lock (_gate)
            {
                return _contributions;
            }
        }
    }

    /// <summary>Whose attestations of which runs are taken, at first those of anybody who signs. Its limits are replaced by the store's.</summary>
    public AttestationScope AttestationScope
    {
        get => _attestations.Scope;
        set => _attestations.Scope = value;
    }

    /// <summary>All attestations taken so far, the newest versions of each.</summary>
    public AttestationSet Attestations => _attestations.Taken;

    /// <summary>Where what the store holds is kept; none in memory only.</summary>
    internal ReplicationDatabase? Database { get; set; }

    /// <summary>Everything the store holds at this moment.</summary>
    internal ReplicationState State => new(Contributions, Attestations);

    /// <summary>The shard of a contribution or attestation. FNV-1a over run and peer: the same on every member, in every version.</summary>
    internal static int ShardOf(RunId run, ReplicaId peer)
    {
        Span<byte> bytes = stackalloc byte[RunId.Size];
        run.CopyTo(bytes);
        return (int)(Fnv1a(peer.Bytes, Fnv1a(bytes, 2166136261)) % ReplicationOptions.ShardCount);
    }

    /// <summary>The part of a foreign shard that is wanted, within the limits and validly signed.</summary>
    internal ContributionMerge Filter(ContributionSet foreign) =>
        ContributionSet.Bottom.Merge(foreign, Verifier, _scope with { Limits = Options.ShardLimits });

    /// <summary>The part of a foreign shard of attestations that is let in: wanted, within the limits and validly signed.</summary>
    internal AttestationSet Filter(AttestationSet foreign) => _attestations.Filter(foreign);

    /// <summary>Lets an attestation in, of this node as a rule.</summary>
    /// <returns>Why not.</returns>
    internal ReplicationRefusal? Admit(Attestation attestation) => _attestations.Admit(attestation);

    /// <summary>Takes attestations in.</summary>
    /// <returns>What was new.</returns>
    internal AttestationSet Take(AttestationSet attestations)
    {
        AttestationSet added = _attestations.Take(attestations);
        SaveSoon(!added.IsBottom);
        return added;
    }

    /// <summary>
    /// Takes what a former process of this node left, signatures checked: contributions whatever their run, since none is followed yet, and the
    /// rest within the limits.
    /// </summary>
    internal void Restore(ReplicationState state)
    {
        lock (_gate)
        {
            _contributions = _contributions.Join(state.Contributions);
        }

        _attestations.Restore(state.Attestations);
    }

    /// <summary>Attestations this node holds in a shard.</summary>
    internal AttestationSet AttestationShardContent(int shard) => _attestations.Content(shard);

    /// <summary>Takes contributions in.</summary>
    /// <returns>What was new.</returns>
    internal ContributionSet Take(ContributionSet contributions)
    {
        ContributionSet added = ContributionSet.Bottom;
        Change(before =>
        {
            ContributionMerge merge = before.Merge(contributions, Verifier, _scope);
            added = merge.Added;
            return merge.State;
        });
        return added;
    }

    /// <summary>Drops the run's rounds below a watermark, here; see <see cref="ReplicationActor"/> for the replicated ones.</summary>
    internal void Prune(RunId run, uint below) => Change(contributions => contributions.Prune(run, below).State);

    /// <summary>Contributions this node holds in a shard, of the runs that it follows.</summary>
    internal ContributionSet ShardContent(int shard) =>
        Contributions.Under(_scope.Runs.ContainsKey).Entries
            .Where(entry => ShardOf(entry.First.Run, entry.First.Peer) == shard)
            .SelectMany(entry => entry.Second is null ? [entry.First] : new[] { entry.First, entry.Second })
            .Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State);

    private void Change(Func<ContributionSet, ContributionSet> change)
    {
        bool changed;
        lock (_gate)
        {
            ContributionSet before = _contributions;
            _contributions = change(before);
            changed = !ReferenceEquals(before, _contributions);
        }

        SaveSoon(changed);
    }

    private void SaveSoon(bool changed)
    {
        if (changed)
        {
            Database?.SaveSoon();
        }
    }

    private static uint Fnv1a(ReadOnlySpan<byte> bytes, uint hash)
    {
        foreach (byte b in bytes)
        {
            hash = unchecked((hash ^ b) * 16777619);
        }

        return hash;
    }
}
