using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What a server of the DHT answers.</summary>
/// <remarks>
/// Source: libp2p specs, kad-dht, "RPC messages". Pure but for the stores behind it; the time comes in. Nobody is told of
/// itself, and who asks from the public Internet is told of public addresses only. Not safe for several threads.
/// </remarks>
/// <param name="table">Who is closer.</param>
/// <param name="records">Values.</param>
/// <param name="providers">Providers.</param>
/// <param name="connected">A peer that this node is connected with; null for another.</param>
/// <param name="publicAddresses">Which addresses are public.</param>
internal sealed class KadResponder(
    RoutingTable table,
    RecordStore records,
    ProviderStore providers,
    Func<PeerId, KadPeer?> connected,
    AddressRule publicAddresses)
{
    /// <summary>Longest multihash or CID of a provider record, as in go.</summary>
    public const int MaxProviderKeyBytes = 80;

    /// <summary>Answers one request.</summary>
    /// <returns>Null for ADD_PROVIDER, and for a value that is not stored though nobody broke a rule.</returns>
    /// <exception cref="ProtocolViolationException">The asker broke a rule.</exception>
    public KadMessage? Answer(KadMessage request, KadAsker asker, DateTimeOffset now)
    {
        if (request.Key.IsEmpty && request.Type != KadMessageType.Ping)
        {
            throw Violation(EndReason.MalformedMessage, request, "without a key");
        }

        return request.Type switch
        {
            KadMessageType.FindNode => FindNode(request, asker),
            KadMessageType.GetValue => GetValue(request, asker, now),
            KadMessageType.PutValue => PutValue(request, asker, now),
            KadMessageType.GetProviders => GetProviders(request, asker, now),
            KadMessageType.AddProvider => AddProvider(request, asker, now),
            _ => new KadMessage { Type = KadMessageType.Ping },
        };
    }

    private KadMessage FindNode(KadMessage request, KadAsker asker)
    {
        List<KadPeer> closer = Closer(request, asker);

        // A client is in no table; the servers nearest to it are connected with it, and so it is found.
        if (PeerId.TryFromBytes(request.Key.Span, out PeerId? peer)
            && peer != asker.Peer
            && connected(peer) is { } found
            && Told(found, asker) is { Addresses.Count: > 0 } told)
        {
            closer = [told with { IsConnected = true }, .. closer.Where(p => p.Peer != peer).Take(KadLimits.MaxCloserPeers - 1)];
        }

        return new KadMessage { Type = request.Type, Key = request.Key, CloserPeers = closer };
    }

    private KadMessage GetValue(KadMessage request, KadAsker asker, DateTimeOffset now) => new()
    {
        Type = request.Type,
        Key = request.Key,
        Record = records.Get(request.Key.Span, now),
        CloserPeers = Closer(request, asker),
    };

    private KadMessage? PutValue(KadMessage request, KadAsker asker, DateTimeOffset now)
    {
        // kad-dht: the record names the key that the message does.
        if (request.Record is not { } record || !record.Key.Span.SequenceEqual(request.Key.Span))
        {
            throw Violation(EndReason.MalformedMessage, request, "without a record of its key");
        }

        PutOutcome outcome = records.Put(record.Key.Span, record.Value.Span, asker.Peer, now, out RecordCheck check);
        if (check is RecordCheck.BadSignature or RecordCheck.WrongKey)
        {
            throw Violation(EndReason.AuthenticationFailed, request, $"with a record that does not hold: {check}");
        }

        if (check is RecordCheck.Malformed or RecordCheck.TooLarge)
        {
            throw Violation(EndReason.MalformedMessage, request, $"with a record that does not hold: {check}");
        }

        // An echo says that it is stored; who sent an older one gets the better one, and sees the difference.
        return outcome is PutOutcome.Stored or PutOutcome.Older
            ? new KadMessage { Type = request.Type, Key = request.Key, Record = records.Get(request.Key.Span, now) }
            : null;
    }

    private KadMessage GetProviders(KadMessage request, KadAsker asker, DateTimeOffset now) => new()
    {
        Type = request.Type,
        Key = request.Key,
        ProviderPeers =
            [.. providers.Get(MultihashOf(request), now).Where(p => p.Peer != asker.Peer).Select(p => Told(p, asker))],
        CloserPeers = Closer(request, asker),
    };

    private KadMessage? AddProvider(KadMessage request, KadAsker asker, DateTimeOffset now)
    {
        // kad-dht, "Content routing": nobody but the provider itself may say so.
        KadPeer self = request.ProviderPeers.FirstOrDefault(p => p.Peer == asker.Peer)
            ?? throw Violation(EndReason.UnexpectedMessage, request, "for somebody else");
        Multihash key = MultihashOf(request);
        providers.Add(key, self.Addresses.Count > 0 ? self : self with { Addresses = asker.Addresses }, now);
        return null;
    }

    private List<KadPeer> Closer(KadMessage request, KadAsker asker)
    {
        IReadOnlyList<KadPeer> closest = table.Closest(KadKey.Of(request.Key.Span), table.Count, asker.Peer);
        return
        [
            .. closest.Select(p => Told(p, asker)).Where(p => p.Addresses.Count > 0).Take(KadLimits.MaxCloserPeers),
        ];
    }

    private KadPeer Told(KadPeer peer, KadAsker asker) => asker.Ip is { } ip && publicAddresses.Allows(ip)
        ? peer with { Addresses = [.. peer.Addresses.Where(publicAddresses.Allows)] }
        : peer;

    /// <summary>Provider keys are multihashes; a CID, as the specification has it, stands for the one inside.</summary>
    private static Multihash MultihashOf(KadMessage request)
    {
        if (request.Key.Length <= MaxProviderKeyBytes)
        {
            if (Multihash.TryFromBytes(request.Key.Span, out Multihash? multihash))
            {
                return multihash;
            }

            if (Cid.TryFromBytes(request.Key.Span, out Cid? cid))
            {
                return cid.Hash;
            }
        }

        throw Violation(EndReason.MalformedMessage, request, "with a key that is no multihash");
    }

    private static ProtocolViolationException Violation(EndReason reason, KadMessage request, string what) =>
        new(reason, ViolationScope.Stream, $"{request.Type} {what}");
}
