using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>In which order the addresses of a peer are tried.</summary>
/// <remarks>
/// Source: go-libp2p's dial ranking, as far as it concerns TCP: direct before relayed. Public and private addresses
/// take turns, so that neither kind has to wait for the other's time-outs; within a kind the peer's own order stays.
/// </remarks>
internal static class AddressRanking
{
    private const int MinRelayed = 4;

    /// <summary>Sorts and cuts.</summary>
    /// <param name="addresses">Without doubles.</param>
    /// <param name="max">Addresses to try at most.</param>
    /// <returns>The direct ones, then the relayed ones.</returns>
    public static List<Multiaddr> Rank(IEnumerable<Multiaddr> addresses, int max)
    {
        List<Multiaddr> open = [];
        List<Multiaddr> closed = [];
        List<Multiaddr> relayed = [];
        foreach (Multiaddr address in addresses.Distinct())
        {
            List<Multiaddr> direct = AddressRule.PublicInternet.Allows(address) ? open : closed;
            (address.IsRelayed ? relayed : direct).Add(address);
        }

        List<Multiaddr> ranked = [];
        for (int i = 0; i < Math.Max(open.Count, closed.Count); i++)
        {
            ranked.AddRange(closed.Skip(i).Take(1));
            ranked.AddRange(open.Skip(i).Take(1));
        }

        // However many direct ones there are, some relayed ones are left: they are the way that works when nothing else does.
        int room = Math.Min(relayed.Count, Math.Max(max - ranked.Count, Math.Min(max, MinRelayed)));
        ranked = ranked.Count + room > max ? ranked[..(max - room)] : ranked;
        ranked.AddRange(relayed[..room]);
        return ranked;
    }
}
