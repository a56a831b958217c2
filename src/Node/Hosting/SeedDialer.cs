using P2PLearn.Actors.Monitoring;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Hosting;

/// <summary>The first contact with the seeds: tells an address that can never work from a node that is just not up yet.</summary>
internal sealed class SeedDialer(Swarm swarm, AdmittedStreams streams, TimeProvider time, EventLog events)
{
    /// <summary>Between two tries while no seed answers.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    /// <summary>Dials the seeds until one answers and lets this node in.</summary>
    /// <returns>The peers behind the seeds that are known by now.</returns>
    /// <exception cref="UserErrorException">Every seed failed for good: another peer lives there, or it refuses this node.</exception>
    public async Task<PeerId[]> DialAsync(IReadOnlyList<string> seeds, CancellationToken cancellationToken)
    {
        Multiaddr[] addresses = [.. seeds.Select(Multiaddr.Parse)];
        foreach (Multiaddr address in addresses)
        {
            if (address.PeerId is { } peer)
            {
                swarm.AddAddresses(peer, [address]);
            }
        }

        bool told = false;
        while (addresses.Length > 0)
        {
            var failures = new List<(bool Final, string Text)>();
            foreach (Multiaddr address in addresses)
            {
                if (await TryAsync(address, failures, cancellationToken) is { } reached)
                {
                    return [.. addresses.Select(a => a.PeerId).OfType<PeerId>().Append(reached).Distinct()];
                }
            }

            if (failures.TrueForAll(f => f.Final))
            {
                throw new UserErrorException(failures[0].Text);
            }

            if (!told)
            {
                told = true;
                events.Record(new PeerRefused("seed", $"{failures[0].Text}; trying again until it answers"));
            }

            await Task.Delay(Retry, time, cancellationToken);
        }

        return [];
    }

    private async Task<PeerId?> TryAsync(Multiaddr address, List<(bool Final, string Text)> failures, CancellationToken cancellationToken)
    {
        try
        {
            PeerId peer = await swarm.ConnectAsync(address, cancellationToken);
            await streams.AdmitAsync(peer, cancellationToken);
            return peer;
        }
        catch (PeerUnreachableException e)
        {
            failures.Add((e.Reason is EndReason.PeerIdMismatch or EndReason.NotAdmitted, $"seed {address}: {e.Message}"));
        }
        catch (ProtocolNotSupportedException e)
        {
            failures.Add((true, $"seed {address}: the node there is no p2plearn node of this version ({e.Message})"));
        }

        return null;
    }
}
