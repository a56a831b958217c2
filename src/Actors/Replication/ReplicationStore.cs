using Akka.Actor.Setup;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Registers;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Replication;

/// <summary>What this node wants of the replicated data, and what it has of it: outlives a rebuilt actor system.</summary>
/// <remarks>
/// As a <see cref="Setup"/> of the actor system it reaches <see cref="CrdtSerializer"/>, which lets nothing in that is not wanted or not
/// validly signed. Safe for several threads.
/// </remarks>
public sealed class ReplicationStore : Setup
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LwwRegister<byte[]>> _registers = new(StringComparer.Ordinal);
    private volatile ContributionScope _scope = new() { Runs = new Dictionary<RunId, RunScope>() };
    private ContributionSet _contributions = ContributionSet.Bottom;

    /// <summary>Creates a store that wants nothing yet.</summary>
    /// <param name="self">This node.</param>
    /// <param name="verifier">Checks the contributions' signatures.</param>
    /// <param name="time">Clock of the registers.</param>
    /// <param name="options">Limits.</param>
    public ReplicationStore(PeerId self, ISignatureVerifier verifier, TimeProvider time, ReplicationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(self);
        Self = ReplicaId.FromBytes(self.Bytes);
        Verifier = verifier;
        Time = time;
        Options = options ?? new ReplicationOptions();
        Options.Validate();
    }

    /// <summary>This node.</summary>
    public ReplicaId Self { get; }

    /// <summary>Limits.</summary>
    public ReplicationOptions Options { get; }

    /// <summary>Checks the contributions' signatures.</summary>
    public ISignatureVerifier Verifier { get; }

    /// <summary>What is taken from others now: runs, rounds, peers. Its limits are replaced by the store's.</summary>
    public ContributionScope Scope
    {
        get => _scope;
        set => _scope = value with { Limits = Options.SetLimits };
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

    /// <summary>The registers that were ever written, by name.</summary>
    public IReadOnlyDictionary<string, LwwRegister<byte[]>> Registers
    {
        get
        {
            lock (_gate)
            {
                return new Dictionary<string, LwwRegister<byte[]>>(_registers);
            }
        }
    }

    internal TimeProvider Time { get; }

    /// <summary>The shard of a contribution. FNV-1a over run and peer: the same on every member, in every version.</summary>
    internal static int ShardOf(RunId run, ReplicaId peer)
    {
        Span<byte> bytes = stackalloc byte[RunId.Size];
        run.CopyTo(bytes);
        return (int)(Fnv1a(peer.Bytes, Fnv1a(bytes, 2166136261)) % ReplicationOptions.ShardCount);
    }

    /// <summary>The part of a foreign shard that is wanted, within the limits and validly signed.</summary>
    internal ContributionMerge Filter(ContributionSet foreign) =>
        ContributionSet.Bottom.Merge(foreign, Verifier, _scope with { Limits = Options.ShardLimits });

    /// <summary>Takes contributions in.</summary>
    /// <returns>What was new.</returns>
    internal ContributionSet Take(ContributionSet contributions)
    {
        lock (_gate)
        {
            ContributionMerge merge = _contributions.Merge(contributions, Verifier, _scope);
            _contributions = merge.State;
            return merge.Added;
        }
    }

    /// <summary>Drops the run's rounds below a watermark, here; see <see cref="ReplicationActor"/> for the replicated ones.</summary>
    internal void Prune(RunId run, uint below)
    {
        lock (_gate)
        {
            _contributions = _contributions.Prune(run, below).State;
        }
    }

    /// <summary>Contributions this node holds in a shard.</summary>
    internal ContributionSet ShardContent(int shard) =>
        Contributions.Entries
            .Where(entry => ShardOf(entry.First.Run, entry.First.Peer) == shard)
            .SelectMany(entry => entry.Second is null ? [entry.First] : new[] { entry.First, entry.Second })
            .Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State);

    /// <summary>A register as it is taken from others: unchanged, or never written when its time is too far ahead.</summary>
    internal LwwRegister<byte[]> Filter(LwwRegister<byte[]> foreign) =>
        foreign.Timestamp <= Now(Options.MaxClockLead) ? foreign : LwwRegister<byte[]>.Bottom;

    /// <summary>A write that is newer than what is there.</summary>
    internal LwwRegister<byte[]> Write(string name, byte[] value)
    {
        lock (_gate)
        {
            LwwRegister<byte[]> before = _registers.GetValueOrDefault(name, LwwRegister<byte[]>.Bottom);
            return before.Set(Self, Math.Max(Now(TimeSpan.Zero), before.Timestamp + 1), value).State;
        }
    }

    /// <summary>Takes a register in.</summary>
    /// <returns>The register when it changed.</returns>
    internal LwwRegister<byte[]>? Take(string name, LwwRegister<byte[]> register)
    {
        lock (_gate)
        {
            LwwRegister<byte[]> before = _registers.GetValueOrDefault(name, LwwRegister<byte[]>.Bottom);
            LwwRegister<byte[]> after = before.Join(Filter(register));
            bool changed = !after.Equals(before) && (_registers.ContainsKey(name) || _registers.Count < Options.MaxRegisters);
            if (changed)
            {
                _registers[name] = after;
            }

            return changed ? after : null;
        }
    }

    private ulong Now(TimeSpan lead) => (ulong)(Time.GetUtcNow() + lead).ToUnixTimeMilliseconds();

    private static uint Fnv1a(ReadOnlySpan<byte> bytes, uint hash)
    {
        foreach (byte b in bytes)
        {
            hash = unchecked((hash ^ b) * 16777619);
        }

        return hash;
    }
}
