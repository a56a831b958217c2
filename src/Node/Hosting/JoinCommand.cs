using System.Net;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>The command that another machine pastes to join.</summary>
internal static class JoinCommand
{
    /// <summary>How this program is started, as the README says.</summary>
    public const string Program = "dotnet run --project src/Node -c Release --";

    /// <summary>The command: a ticket with the addresses that others are most likely to reach, the mesh and the run.</summary>
    public static string For(IReadOnlyList<Multiaddr> addresses, MeshOptions mesh, RunId? run, string mode = NodeModes.Member)
    {
        Multiaddr[] outward = [.. addresses.Where(a => !IsLoopback(a))];
        Multiaddr[] seeds = [.. (outward.Length > 0 ? outward : [.. addresses]).Take(JoinTicket.MaxSeeds)];
        var ticket = new JoinTicket(mesh.Name, mesh.Key?.ToString(), run, seeds);
        string found = mode == NodeModes.Member ? "" : " [the first trainer: --found]";
        return $"{Program} node --join {ticket} --data mnist:data/mnist{found}";
    }

    private static bool IsLoopback(Multiaddr address) =>
        address.TryToTcpEndPoint(out EndPoint? endPoint) && endPoint is IPEndPoint ip && IPAddress.IsLoopback(ip.Address);
}
