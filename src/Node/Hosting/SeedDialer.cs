using P2PLearn.Actors.Monitoring;
using P2PLearn.Networking;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Hosting;

/// <summary>The first contact with the mesh: tells an address that can never work from a node that is just not up yet, and takes any other way
/// in that turns up meanwhile.</summary>
internal sealed class SeedDialer(Swarm swarm, AdmittedStreams streams, TimeProvider time, EventLog events)
{
    /// <summary>Between two tries while nobody answers.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    /// <summary>Dials the seeds, and the peers of an earlier life, until one of them answers and lets this node in, or a member is met otherwise.</summary>
    /// <param name="seeds">Addresses that the user gave.</param>
    /// <param name="remembered">Members of an earlier life, the newest first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The seeds that name a peer, and the members met so far.</returns>
    /// <exception cref="UserErrorException">Every seed failed for good, and there is nobody else to ask: another peer lives there, or it refuses this
    /// node.</exception>
    public async Task<PeerId[]> DialAsync(
        IReadOnlyList<string> seeds, IReadOnlyList<CachedPeer> remembered, CancellationToken cancellationToken)
    {
        Multiaddr[] addresses = [.. seeds.Select(Multiaddr.Parse)];
        foreach (Multiaddr address in addresses)
        {
            if (address.PeerId is { } peer)
            {
                swarm.AddAddresses(peer, [address]);
            }
        }

        foreach (CachedPeer known in remembered)
        {
            swarm.AddAddresses(known.Peer, known.Addresses);
        }

        bool told = false;
        while (streams.ConnectedPeers.Count == 0)
        {
            var failures = new List<(bool Final, string Text)>();
            await Task.WhenAll(TrySeedsAsync(addresses, failures, cancellationToken), TryRememberedAsync(remembered, cancellationToken));
            if (streams.ConnectedPeers.Count > 0)
            {
                break;
            }

            if (failures.Count > 0 && failures.TrueForAll(f => f.Final) && remembered.Count == 0)
            {
                throw new UserErrorException(failures[0].Text);
            }

            if (!told)
            {
                told = true;
                string why = failures.Count > 0 ? failures[0].Text : "no member was found yet";
                events.Record(new PeerRefused("seed", $"{why}; trying again until one answers"));
            }

            await Task.Delay(Retry, time, cancellationToken);
        }

        return [.. addresses.Select(a => a.PeerId).OfType<PeerId>().Union(streams.ConnectedPeers)];
    }

    private async Task TrySeedsAsync(Multiaddr[] addresses, List<(bool Final, string Text)> failures, CancellationToken cancellationToken)
    {
        foreach (Multiaddr address in addresses)
        {
            if (streams.ConnectedPeers.Count > 0)
            {
                return;
            }

            try
            {
                PeerId peer = await swarm.ConnectAsync(address, cancellationToken);
                await streams.AdmitAsync(peer, cancellationToken);
            }
            catch (PeerUnreachableException e)
            {
                failures.Add((e.Reason is EndReason.PeerIdMismatch or EndReason.NotAdmitted, $"seed {address}: {e.Message}"));
            }
            catch (ProtocolNotSupportedException e)
            {
                failures.Add((true, $"seed {address}: the node there is no p2plearn node of this version ({e.Message})"));
            }
            catch (IOException e)
            {
                failures.Add((false, $"seed {address}: the connection broke ({e.Message})"));
            }
        }
    }

    private async Task TryRememberedAsync(
        IReadOnlyList<CachedPeer> remembered, CancellationToken cancellationToken)
    {
        foreach (CachedPeer known in remembered)
        {
            if (streams.ConnectedPeers.Count > 0)
            {
                return;
            }

            try
            {
                await streams.AdmitAsync(known.Peer, cancellationToken);
            }
            catch (IOException)
            {
                // Gone, or moved: there are others.
            }
        }
    }
}
