using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Models;

/// <summary>Who has the content of a CID: the distributed hash table, as models need it. Safe for several threads.</summary>
public interface IContentRouting
{
    /// <summary>Searches peers that say they have it, each given once; they can be dialled.</summary>
    IAsyncEnumerable<PeerId> FindProvidersAsync(Cid cid, CancellationToken cancellationToken);

    /// <summary>Tells others that this node has it, now and again while the node runs.</summary>
    /// <returns>How many were told.</returns>
    Task<int> ProvideAsync(Cid cid, CancellationToken cancellationToken);

    /// <summary>No longer tells others.</summary>
    void StopProviding(Cid cid);
}
