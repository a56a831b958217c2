using System.Runtime.CompilerServices;
using P2PLearn.Actors.Models;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Hosting;

/// <summary>The distributed hash table as models need it.</summary>
internal sealed class KadRouting(KadService kad, Swarm swarm) : IContentRouting
{
    private const int MaxProviders = 20;

    /// <inheritdoc/>
    public async IAsyncEnumerable<PeerId> FindProvidersAsync(Cid cid, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (KadPeer provider in kad.FindProvidersAsync(cid.Hash, MaxProviders, cancellationToken))
        {
            if (provider.Peer != swarm.LocalPeer)
            {
                swarm.AddAddresses(provider.Peer, provider.Addresses);
                yield return provider.Peer;
            }
        }
    }

    /// <inheritdoc/>
    public Task<int> ProvideAsync(Cid cid, CancellationToken cancellationToken) => kad.ProvideAsync(cid.Hash, cancellationToken);

    /// <inheritdoc/>
    public void StopProviding(Cid cid) => kad.StopProviding(cid.Hash);
}
