using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a <see cref="ReservationPlan"/> is told.</summary>
internal abstract record ReservationEvent
{
    /// <summary>Slots are wanted, or no longer.</summary>
    public sealed record NeedChanged(bool IsNeeded) : ReservationEvent;

    /// <summary>A direct connection with a peer that relays is up. Harmless when repeated.</summary>
    /// <param name="Relay">The peer.</param>
    /// <param name="Network">Which network it is in, as <see cref="RelayNetwork"/> has it; null when that is unknown.</param>
    /// <param name="RoundTrip">To it; null before the first measurement.</param>
    public sealed record RelayUp(PeerId Relay, string? Network, TimeSpan? RoundTrip) : ReservationEvent;

    /// <summary>The last direct connection with a peer is gone, or it relays no more.</summary>
    public sealed record RelayDown(PeerId Relay) : ReservationEvent;

    /// <summary>The connection over which a slot was granted is gone; another one with the same relay is there.</summary>
    public sealed record RelayMoved(PeerId Relay) : ReservationEvent;

    /// <summary>A request was granted.</summary>
    public sealed record SlotGranted(PeerId Relay, RelaySlot Slot) : ReservationEvent;

    /// <summary>A request was refused, or broke off.</summary>
    public sealed record SlotRefused(PeerId Relay, ReservationFailure Failure) : ReservationEvent;

    /// <summary>An attempt to connect is over, whatever came of it.</summary>
    public sealed record ConnectEnded(PeerId Relay) : ReservationEvent;

    /// <summary>A round trip was measured.</summary>
    public sealed record Measured(PeerId Relay, TimeSpan RoundTrip) : ReservationEvent;

    /// <summary>The plan's next moment has come.</summary>
    public sealed record TimePassed : ReservationEvent;
}

/// <summary>What a <see cref="ReservationPlan"/> wants done, in order.</summary>
internal abstract record ReservationEffect
{
    /// <summary>Ask a relay, over the connection that is up, for a slot or to renew it. Ends in
    /// <see cref="ReservationEvent.SlotGranted"/> or <see cref="ReservationEvent.SlotRefused"/>.</summary>
    public sealed record Ask(PeerId Relay) : ReservationEffect;

    /// <summary>Connect to a relay. Ends in <see cref="ReservationEvent.ConnectEnded"/>.</summary>
    public sealed record Connect(PeerId Relay) : ReservationEffect;

    /// <summary>Measure the round trip to a relay, if that is possible. May end in
    /// <see cref="ReservationEvent.Measured"/>.</summary>
    public sealed record Measure(PeerId Relay) : ReservationEffect;

    /// <summary>The slots to tell others about have changed.</summary>
    public sealed record Announce : ReservationEffect;
}
