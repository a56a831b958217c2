using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Which of a peer's relays to go through. Pure.</summary>
/// <remarks>
/// If all went through the first that a peer names, one relay of a mesh would carry everything. So each pair has its own order, the same seen from
/// both sides: highest random weight (rendezvous) hashing, D. G. Thaler and C. V. Ravishankar, 1998. A relay that is known to cut circuits
/// short comes last.
/// </remarks>
internal static class RelayOrder
{
    /// <summary>Sorts addresses through relays; those through the same relay keep their order.</summary>
    /// <param name="self">This node.</param>
    /// <param name="target">Whom they lead to.</param>
    /// <param name="addresses">Relayed ones.</param>
    /// <param name="slots">This node's own, which tell what their relays grant.</param>
    public static IReadOnlyList<Multiaddr> Sort(
        PeerId self, PeerId target, IEnumerable<Multiaddr> addresses, IReadOnlyCollection<RelayReservation> slots)
    {
        (PeerId low, PeerId high) = self < target ? (self, target) : (target, self);
        return
        [
            .. from address in addresses
               let relay = RelayedAddress.TryParse(address, out RelayedAddress? way) ? way.Relay : null
               let slot = relay is null ? null : slots.FirstOrDefault(s => s.Relay == relay)
               orderby relay is null, slot?.Limit?.Bytes is not null, relay is null ? 0 : Weight(low, high, relay) descending
               select address,
        ];
    }

    /// <summary>FNV-1a over the three ids, mixed so that ids that differ in their last bytes only weigh differently.</summary>
    private static ulong Weight(PeerId low, PeerId high, PeerId relay)
    {
        ulong hash = 14695981039346656037;
        foreach (PeerId id in (ReadOnlySpan<PeerId>)[low, high, relay])
        {
            foreach (byte b in id.Bytes)
            {
                hash = (hash ^ b) * 1099511628211;
            }
        }

        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd; // the finalizer of MurmurHash3
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }
}
