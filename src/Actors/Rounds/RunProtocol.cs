using Akka.Actor;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>What the run actor is told. Local messages only: none of them has a serializer.</summary>
public static class RunProtocol
{
    /// <summary>The trainers that are up and reachable now, this node among them or not.</summary>
    public sealed record TrainersChanged(IReadOnlyList<PeerId> Trainers) : INoSerializationVerificationNeeded;

    /// <summary>Who trains? Asked by a run actor that starts or restarts; answered with <see cref="TrainersChanged"/>.</summary>
    public sealed record GetTrainers : INoSerializationVerificationNeeded
    {
        /// <summary>The only one.</summary>
        public static GetTrainers Instance { get; } = new();
    }

    /// <summary>May the model of this validly signed contribution be sent? Answered with <see cref="OfferAnswer"/>.</summary>
    public sealed record Offer(Contribution Contribution) : INoSerializationVerificationNeeded;

    /// <summary>The answer to <see cref="Offer"/>.</summary>
    public enum OfferAnswer
    {
        /// <summary>Send it.</summary>
        Wanted,

        /// <summary>It is here already.</summary>
        AlreadyHeld,

        /// <summary>Not of this run, too old, too far ahead, or from nobody who takes part.</summary>
        NotWanted,
    }

    /// <summary>A model has passed every check and lies in the run's store.</summary>
    public sealed record ModelReceived(Contribution Contribution) : INoSerializationVerificationNeeded;

    /// <summary>The bytes of a validly signed contribution are no model of this run.</summary>
    public sealed record ModelFaulty(Contribution Contribution, string Reason) : INoSerializationVerificationNeeded;

    /// <summary>A fetch ended without the model.</summary>
    public sealed record FetchEnded(Contribution Contribution) : INoSerializationVerificationNeeded;

    /// <summary>What is the run doing? Answered with <see cref="RunStatus"/>.</summary>
    public sealed record GetStatus : INoSerializationVerificationNeeded
    {
        /// <summary>The only one.</summary>
        public static GetStatus Instance { get; } = new();
    }

    /// <summary>What a run is doing.</summary>
    /// <param name="RunId">Hex.</param>
    /// <param name="Round">The round under way, from 1.</param>
    /// <param name="Rounds">Rounds of the run.</param>
    /// <param name="Phase">Name of the phase.</param>
    public sealed record RunStatus(string RunId, int Round, int Rounds, string Phase) : INoSerializationVerificationNeeded;
}
