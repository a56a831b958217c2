using Akka.Actor;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>Why something was not replicated.</summary>
public enum ReplicationRefusal
{
    /// <summary>Its signature is not valid.</summary>
    BadSignature,

    /// <summary>Its run, round or peer is not followed.</summary>
    OutOfScope,

    /// <summary>Its shard is full, or it is too large.</summary>
    LimitReached,

    /// <summary>The replicator did not answer.</summary>
    NotStored,

    /// <summary>It could not be written to this node's disk, so it was not replicated either.</summary>
    DiskFailed,
}

/// <summary>Messages of <see cref="ReplicationActor"/>; local only, nothing here travels.</summary>
public static class ReplicationProtocol
{
    /// <summary>
    /// Command: take these runs, rounds and peers from now on, and forget the contributions of other runs here, in memory and on the disk. No
    /// answer.
    /// </summary>
    /// <param name="Scope">What is wanted; its limits are ignored.</param>
    public sealed record Follow(ContributionScope Scope);

    /// <summary>Command: replicate a contribution, of this node as a rule. Answer: <see cref="Published"/> or <see cref="PublishRefused"/>.</summary>
    /// <param name="Contribution">Signed.</param>
    public sealed record Publish(Contribution Contribution);

    /// <summary>The contribution is on this node's disk, if it has one for this, in its replica, and on its way.</summary>
    /// <param name="Contribution">Which.</param>
    public sealed record Published(Contribution Contribution);

    /// <summary>The contribution is not replicated.</summary>
    /// <param name="Contribution">Which.</param>
    /// <param name="Reason">Why.</param>
    public sealed record PublishRefused(Contribution Contribution, ReplicationRefusal Reason);

    /// <summary>Command: drop the run's rounds below <paramref name="Below"/>, in all replicas that can do without them. No answer.</summary>
    /// <param name="Run">The run.</param>
    /// <param name="Below">First round that stays.</param>
    public sealed record Prune(RunId Run, uint Below);

    /// <summary>Command: tell me of changes. Answers at once with a <see cref="ContributionsChanged"/> and an <see cref="AttestationsChanged"/> of everything.</summary>
    /// <param name="Subscriber">Who; watched, so it need not unsubscribe.</param>
    public sealed record Subscribe(IActorRef Subscriber);

    /// <summary>Event: contributions came in.</summary>
    /// <param name="Added">What is new (a delta: entries, and watermarks).</param>
    /// <param name="All">Everything after it.</param>
    public sealed record ContributionsChanged(ContributionSet Added, ContributionSet All);

    /// <summary>Query; answer: <see cref="ContributionsChanged"/> with nothing added.</summary>
    public sealed record GetContributions
    {
        /// <summary>The one instance.</summary>
        public static GetContributions Instance { get; } = new();
    }

    /// <summary>Command: replicate an attestation, of this node as a rule. Answer: <see cref="Attested"/> or <see cref="AttestRefused"/>.</summary>
    /// <param name="Attestation">Signed.</param>
    public sealed record Attest(Attestation Attestation);

    /// <summary>
    /// The attestation, or a newer one in its place, is on this node's disk, if it has one for this, in its replica, and on its way.
    /// </summary>
    /// <param name="Attestation">Which.</param>
    public sealed record Attested(Attestation Attestation);

    /// <summary>The attestation is not replicated.</summary>
    /// <param name="Attestation">Which.</param>
    /// <param name="Reason">Why.</param>
    public sealed record AttestRefused(Attestation Attestation, ReplicationRefusal Reason);

    /// <summary>Event: attestations came in.</summary>
    /// <param name="Added">What is new.</param>
    /// <param name="All">Everything after it.</param>
    public sealed record AttestationsChanged(AttestationSet Added, AttestationSet All);

    /// <summary>Query; answer: <see cref="AttestationsChanged"/> with nothing added.</summary>
    public sealed record GetAttestations
    {
        /// <summary>The one instance.</summary>
        public static GetAttestations Instance { get; } = new();
    }
}
