using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Rounds;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>The one place where the three kinds of names meet: Networking's peer ids, Crdt's replicas and Learning's participants.</summary>
public static class Names
{
    /// <summary>The participant that a peer is: its base58 peer id, the same text at every node.</summary>
    public static Participant ToParticipant(this PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return new Participant(peer.ToString());
    }

    /// <summary>The peer that a participant is.</summary>
    public static PeerId ToPeerId(this Participant participant) => PeerId.Parse(participant.Id);

    /// <summary>The replica that a peer is: its multihash.</summary>
    public static ReplicaId ToReplica(this PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return ReplicaId.FromBytes(peer.Bytes);
    }

    /// <summary>The peer that a replica is; null when its bytes are no peer id.</summary>
    public static PeerId? ToPeerId(this ReplicaId replica) => PeerId.TryFromBytes(replica.Bytes, out PeerId? peer) ? peer : null;

    /// <summary>What the round machine calls a contribution; null when its peer is no peer id or its round is beyond every run.</summary>
    public static ContributionRef? ToRef(this Contribution contribution)
    {
        ArgumentNullException.ThrowIfNull(contribution);
        return contribution.Peer.ToPeerId() is { } peer && contribution.Round is >= 1 and <= int.MaxValue
            ? new ContributionRef(peer.ToParticipant(), (int)contribution.Round, contribution.Root.ToModelRoot())
            : null;
    }

    /// <summary>The same hash in Learning's type.</summary>
    public static ModelRoot ToModelRoot(this Hash256 hash)
    {
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        hash.CopyTo(bytes);
        return new ModelRoot(bytes);
    }

    /// <summary>The same hash in Crdt's type.</summary>
    public static Hash256 ToHash256(this ModelRoot root)
    {
        Span<byte> bytes = stackalloc byte[ModelRoot.Size];
        root.CopyTo(bytes);
        return Hash256.FromBytes(bytes);
    }
}
