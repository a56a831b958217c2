using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>What happens to a <see cref="PunchState"/>.</summary>
internal abstract record PunchEvent
{
    /// <summary>The relayed connection is there.</summary>
    public sealed record Started(bool WeHaveAddresses) : PunchEvent;

    /// <summary>Addresses of the peer that may be public, perhaps none.</summary>
    /// <param name="Addresses">What may be dialled back.</param>
    /// <param name="IsComplete">The peer itself has said so over this connection; else it is from earlier.</param>
    public sealed record Described(IReadOnlyList<Multiaddr> Addresses, bool IsComplete) : PunchEvent;

    /// <summary>The peer's CONNECT.</summary>
    /// <param name="HasAddresses">There are addresses in it that we dial.</param>
    /// <param name="RoundTrip">From our CONNECT to it.</param>
    public sealed record Answered(bool HasAddresses, TimeSpan RoundTrip) : PunchEvent;

    /// <summary>No stream, or no valid answer on it.</summary>
    public sealed record ExchangeFailed(string Message) : PunchEvent;

    /// <summary>A dial back has a TCP connection.</summary>
    public sealed record DialBackConnected : PunchEvent;

    /// <summary>No dial back is under way any more, and none succeeded.</summary>
    public sealed record DialBackFailed : PunchEvent;

    /// <summary>A timer that was asked for.</summary>
    public sealed record TimerFired(PunchTimer Timer) : PunchEvent;

    /// <summary>An attempt's time is over.</summary>
    /// <param name="HadLink">A link came up and broke.</param>
    public sealed record AttemptFailed(bool HadLink) : PunchEvent;

    /// <summary>A direct connection with the peer is up.</summary>
    public sealed record DirectUp(ConnectionPath Path) : PunchEvent;

    /// <summary>The relayed connection is gone.</summary>
    public sealed record RelayLost : PunchEvent;
}

/// <summary>What a <see cref="PunchState"/> wants done.</summary>
internal abstract record PunchEffect
{
    /// <summary>Open a stream, send CONNECT, await the answer.</summary>
    public sealed record Exchange : PunchEffect;

    /// <summary>Dial these as anybody would.</summary>
    public sealed record DialBack(IReadOnlyList<Multiaddr> Addresses) : PunchEffect;

    /// <summary>Send SYNC on the stream of the exchange. From here on links that come up are the hole punch's.</summary>
    public sealed record SendSync : PunchEffect;

    /// <summary>Tell when this time is over.</summary>
    public sealed record StartTimer(PunchTimer Timer, TimeSpan After) : PunchEffect;

    /// <summary>Dial the addresses of the peer's CONNECT from the listen port; dials back to them go on as such.</summary>
    public sealed record Punch(TimeSpan RoundTrip) : PunchEffect;

    /// <summary>It is over.</summary>
    public sealed record End(HolePunchOutcome Outcome, int Attempts, TimeSpan? RoundTrip, string Message) : PunchEffect;
}

/// <summary>Timers of a <see cref="PunchState"/>.</summary>
internal enum PunchTimer
{
    /// <summary>A dial back has held up the hole punch long enough.</summary>
    DialBack,

    /// <summary>SYNC is arriving.</summary>
    Countdown,

    /// <summary>Identify has been waited for long enough.</summary>
    Identify,

    /// <summary>Routers have forgotten what broke.</summary>
    Quiet,
}
