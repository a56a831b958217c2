using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A slot that was granted and checked.</summary>
/// <param name="Expires">When it is lost, as far as the relay is believed.</param>
/// <param name="Addresses">Where we can be reached, each ending in <c>/p2p-circuit</c>; may be none.</param>
/// <param name="Limit">What each circuit is granted; null for no limit.</param>
internal sealed record RelaySlot(DateTimeOffset Expires, IReadOnlyList<Multiaddr> Addresses, LinkLimit? Limit);

/// <summary>Checks what a relay answers to a request for a slot.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, "Reservation". Pure.</remarks>
/// <param name="options">Limits.</param>
/// <param name="self">This node.</param>
/// <param name="relay">Who answered.</param>
/// <param name="seenAt">Where it is connected, by our side of the connection.</param>
/// <param name="isDialable"><paramref name="seenAt"/> is where it listens: we dialled it there.</param>
internal sealed class ReservationAnswer(
    RelayClientOptions options, PeerId self, PeerId relay, Multiaddr seenAt, bool isDialable)
{
    /// <summary>Reads a granted slot.</summary>
    /// <param name="answer">With status OK.</param>
    /// <param name="known">Other addresses of the relay, for when it lists none of use.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ProtocolViolationException">No slot in it, or a voucher that does not hold.</exception>
    /// <exception cref="UpgradeException">A slot too short to be worth having.</exception>
    public RelaySlot Read(HopMessage answer, IReadOnlyList<Multiaddr> known, DateTimeOffset now)
    {
        ReservationGrant grant = answer.Reservation
            ?? throw Violation(EndReason.MalformedMessage, "a slot was granted without saying until when");
        DateTimeOffset expires = grant.Voucher is { } voucher ? CheckVoucher(voucher.Span, grant) : grant.Expires;
        if (expires < now + options.MinLifetime)
        {
            throw new UpgradeException(
                EndReason.Timeout, $"the slot ends at {expires:u} and it is {now:u}: of no use, or a clock is wrong");
        }

        DateTimeOffset latest = now + options.MaxLifetime;
        return new RelaySlot(expires < latest ? expires : latest, Choose(grant.Addresses, known), answer.Limit);
    }

    private DateTimeOffset CheckVoucher(ReadOnlySpan<byte> bytes, ReservationGrant grant)
    {
        EnvelopeCheck check = ReservationVoucher.TryOpen(bytes, relay, self, out ReservationVoucher? voucher);
        return check switch
        {
            EnvelopeCheck.Valid => voucher!.Expires < grant.Expires ? voucher.Expires : grant.Expires,
            EnvelopeCheck.UnsupportedKeyType => grant.Expires, // not to be verified, but the connection proves the relay
            EnvelopeCheck.BadSignature or EnvelopeCheck.NotTheSigner =>
                throw Violation(EndReason.AuthenticationFailed, $"a forged voucher: {check}"),
            EnvelopeCheck.Malformed => throw Violation(EndReason.MalformedMessage, "a voucher that is none"),
            _ => throw Violation(EndReason.UnexpectedMessage, $"a voucher that is not about us and this relay: {check}"),
        };
    }

    /// <summary>The address that we use ourselves comes first: it works. Then what the relay lists, and what identify told
    /// when that is of no use.</summary>
    private List<Multiaddr> Choose(IReadOnlyList<Multiaddr> listed, IReadOnlyList<Multiaddr> known)
    {
        IEnumerable<Multiaddr> ours = isDialable ? [seenAt] : [];
        List<Multiaddr> chosen = Through(ours.Concat(listed.Where(MayAnnounce)));
        chosen = chosen.Count > 0 ? chosen : Through(known.Where(MayAnnounce));
        return chosen.Count > 0 ? chosen : Through([seenAt]);
    }

    private List<Multiaddr> Through(IEnumerable<Multiaddr> addresses) =>
    [
        .. addresses
            .Select(a => RelayedAddress.Through(a, relay))
            .OfType<Multiaddr>()
            .Distinct()
            .Take(options.MaxAddressesPerRelay),
    ];

    /// <summary>A relay must not make us tell others of addresses that lead elsewhere: to another peer, through another
    /// relay, or into their own machines and networks.</summary>
    private bool MayAnnounce(Multiaddr address)
    {
        bool isOther = address.PeerId is { } id ? id != relay : address.Contains(MultiaddrProtocol.P2P);
        if (isOther || address.IsRelayed || address.WithoutPeerId() is null)
        {
            return false;
        }

        return options.PublicAddresses.Allows(seenAt)
            ? options.PublicAddresses.Allows(address)
            : !IsLoopback(address) || IsLoopback(seenAt);
    }

    private static bool IsLoopback(Multiaddr address) =>
        address.TryToTcpEndPoint(out EndPoint? endPoint) && endPoint is IPEndPoint ip && IPAddress.IsLoopback(ip.Address);

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Stream, message);
}
