namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Who speaks first on a punched link.</summary>
/// <remarks>
/// Source: libp2p specs, DCUtR: the side that received the stream is the initiator of all handshakes, the side that opened
/// it is the responder, whatever the sockets say. Deviations, each a wait before speaking that an arriving byte ends (who
/// is spoken to answers, always): a link that was accepted may be that of somebody else, who speaks at once; the responder
/// speaks when nothing was said for a round trip and a margin, since its link may have ended at a listener that waits too;
/// after both sides spoke at once, both wait, the responder longer. The initiator's waits are halves of the responder's
/// steps, so that they differ also where one side counts a collision that the other did not see. Pure.
/// </remarks>
internal static class PunchRoles
{
    /// <summary>A client's first bytes follow its handshake's last packet at once: what the difference may be.</summary>
    public static readonly TimeSpan ExpectedLinkWait = TimeSpan.FromMilliseconds(40);

    /// <summary>Least wait on a link of the peer's IP from a port that it did not name: the peer behind a NAT that changes
    /// ports, or a neighbour of it.</summary>
    public static readonly TimeSpan NearbyLinkWait = TimeSpan.FromMilliseconds(150);

    private static readonly TimeSpan LongestRoundTrip = TimeSpan.FromSeconds(2);

    /// <summary>How long a link is listened to before we speak first; zero: speak at once.</summary>
    /// <param name="side">Ours in the exchange.</param>
    /// <param name="origin">How the link came.</param>
    /// <param name="roundTrip">Over the relay.</param>
    /// <param name="collisions">How often both sides spoke first with this peer.</param>
    /// <param name="margin">See <see cref="DcutrOptions.RoleMargin"/>.</param>
    public static TimeSpan ProposeAfter(
        PunchSide side, PunchLinkOrigin origin, TimeSpan roundTrip, int collisions, TimeSpan margin)
    {
        roundTrip = roundTrip < LongestRoundTrip ? roundTrip : LongestRoundTrip;
        TimeSpan patience = roundTrip + margin;
        return (side, origin) switch
        {
            (PunchSide.Opener, _) => patience * (1 + collisions),
            (_, _) when collisions > 0 => patience * (collisions - 0.5),
            (_, PunchLinkOrigin.Dialled) => TimeSpan.Zero,
            (_, PunchLinkOrigin.Expected) => ExpectedLinkWait,
            _ => NearbyLinkWait > roundTrip / 2 ? NearbyLinkWait : roundTrip / 2,
        };
    }
}

/// <summary>Our side of an exchange.</summary>
internal enum PunchSide
{
    /// <summary>We opened the stream: B of the specs.</summary>
    Opener,

    /// <summary>The peer opened it: A.</summary>
    Answerer,
}

/// <summary>How a link of a hole punch came.</summary>
internal enum PunchLinkOrigin
{
    /// <summary>We dialled; perhaps the peer too, at the same moment.</summary>
    Dialled,

    /// <summary>Accepted, from exactly an address that the peer told.</summary>
    Expected,

    /// <summary>Accepted, from an IP that the peer told, and another port.</summary>
    Nearby,
}
