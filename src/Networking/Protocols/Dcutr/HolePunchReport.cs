using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>What became of one try to replace a relayed connection by a direct one.</summary>
/// <param name="Peer">With whom.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Attempts">Synchronised dials made; 0 for a reversal.</param>
/// <param name="Elapsed">From the relayed connection to the direct one, or to giving up.</param>
/// <param name="RoundTrip">Over the relay, as measured for the synchronisation; null before.</param>
/// <param name="Message">One line for a person.</param>
public sealed record HolePunchReport(
    PeerId Peer, HolePunchOutcome Outcome, int Attempts, TimeSpan Elapsed, TimeSpan? RoundTrip, string Message);

/// <summary>Outcomes, as the measurements of the public network class them.</summary>
public enum HolePunchOutcome
{
    /// <summary>A hole was punched.</summary>
    Punched,

    /// <summary>The side that was to be reached dialled back.</summary>
    Reversed,

    /// <summary>A direct connection came up by itself meanwhile.</summary>
    AlreadyDirect,

    /// <summary>Neither side knows an address to dial.</summary>
    NoAddresses,

    /// <summary>The remote does not speak DCUtR, or the stream for it broke.</summary>
    NoStream,

    /// <summary>All attempts failed: the connection stays relayed.</summary>
    Failed,

    /// <summary>The relayed connection ended, or this node did.</summary>
    Cancelled,
}
