using Akka.Actor;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Replication;

/// <summary>Why something was not replicated.</summary>
public enum ReplicationRefusal
{
    /// <summary>Its signature is not valid.</summary>
    BadSignature,

    /// <summary>Its run, round or peer is not followed.</summary>
    OutOfScope,

    /// <summary>Its shard or the registers are full, or it is too large.</summary>
    LimitReached,

    /// <summary>The replicator did not answer.</summary>
    NotStored,
}

/// <summary>Messages of <see cref="ReplicationActor"/>; local only, nothing here travels.</summary>
public static class ReplicationProtocol
{
    /// <summary>Command: take these runs, rounds and peers from now on. No answer.</summary>
    /// <param name="Scope">What is wanted; its limits are ignored.</param>
    public sealed record Follow(ContributionScope Scope);

    /// <summary>Command: replicate a contribution, of this node as a rule. Answer: <see cref="Published"/> or <see cref="PublishRefused"/>.</summary>
    /// <param name="Contribution">Signed.</param>
    public sealed record Publish(Contribution Contribution);

    /// <summary>The contribution is in this node's replica and on its way.</summary>
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

    /// <summary>Command: tell me of changes. Answers at once with a <see cref="ContributionsChanged"/> of everything, and every register's value.</summary>
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

    /// <summary>Command: write a register. Answer: <see cref="RegisterWritten"/> or <see cref="RegisterRefused"/>.</summary>
    /// <param name="Name">Its name, 1 to 40 characters of a–z, 0–9 and '-'.</param>
    /// <param name="Value">Its value; not changed afterwards.</param>
    public sealed record WriteRegister(string Name, byte[] Value);

    /// <summary>The register is written in this node's replica and on its way.</summary>
    /// <param name="Name">Which.</param>
    public sealed record RegisterWritten(string Name);

    /// <summary>The register is not written.</summary>
    /// <param name="Name">Which.</param>
    /// <param name="Reason">Why.</param>
    public sealed record RegisterRefused(string Name, ReplicationRefusal Reason);

    /// <summary>Command: read a register's changes of other members too. Registers that are not followed are not heard of. No answer.</summary>
    /// <param name="Name">Its name.</param>
    public sealed record FollowRegister(string Name);

    /// <summary>Event: a register has another value.</summary>
    /// <param name="Name">Which.</param>
    /// <param name="Value">The value; written by a member, otherwise untrusted; shared, not to be changed.</param>
    /// <param name="Writer">Who wrote it, as it says.</param>
    /// <param name="Timestamp">When, in Unix milliseconds of its writer.</param>
    public sealed record RegisterChanged(string Name, byte[] Value, PeerId? Writer, ulong Timestamp);
}
