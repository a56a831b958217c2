using Akka.Actor;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using static P2PLearn.Actors.Replication.ReplicationProtocol;

namespace P2PLearn.Actors.Replication;

/// <summary>Who waits for an answer about what.</summary>
/// <param name="Actor">Who asked.</param>
/// <param name="Item">A <see cref="Contribution"/> or an <see cref="Attestation"/>.</param>
internal sealed record ReplicationRequest(IActorRef Actor, object Item)
{
    /// <summary>Answers that it is done.</summary>
    public void Accept() => Actor.Tell(Item switch
    {
        Contribution contribution => new Published(contribution),
        _ => new Attested((Attestation)Item),
    });

    /// <summary>Answers that it is not done, and why.</summary>
    public void Refuse(ReplicationRefusal reason) => Actor.Tell(Item switch
    {
        Contribution contribution => new PublishRefused(contribution, reason),
        _ => new AttestRefused((Attestation)Item, reason),
    });
}
