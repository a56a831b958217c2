using Akka.Actor;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Exchange;

/// <summary>What the exchange actor is told. Local messages only.</summary>
public static class ExchangeProtocol
{
    /// <summary>Send a contribution of ours, model and all, to these peers.</summary>
    public sealed record Push(Contribution Contribution, IReadOnlyList<PeerId> Peers) : INoSerializationVerificationNeeded;

    /// <summary>Get the model of a contribution: from its maker, else from any of these peers.</summary>
    public sealed record Fetch(Contribution Contribution, IReadOnlyList<PeerId> Peers) : INoSerializationVerificationNeeded;
}
