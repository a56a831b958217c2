using System.Text;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>The mesh a node belongs to, from its configuration and its data directory.</summary>
internal static class MeshIdentity
{
    /// <summary>The mesh; a founder without a key makes one and keeps it.</summary>
    public static MeshOptions Resolve(NodeOptions options, DataDirectory data)
    {
        var mesh = new MeshOptions
        {
            Name = options.Mesh.Name,
            Key = FindKey(options, data),
            AllowedPeers = options.Mesh.AllowedPeers.Count == 0 ? null : [.. options.Mesh.AllowedPeers.Select(PeerId.Parse)],
        };
        return mesh;
    }

    private static MeshKey? FindKey(NodeOptions options, DataDirectory data)
    {
        if (options.Mesh.Key is { } given)
        {
            return Parse(given, "mesh.key");
        }

        if (File.Exists(data.MeshKeyFile))
        {
            return Parse(Encoding.ASCII.GetString(DataDirectory.ReadSecret(data.MeshKeyFile)).Trim(), data.MeshKeyFile);
        }

        if (options.Seeds.Count > 0)
        {
            throw new UserErrorException("the mesh key is missing: give the mesh as --mesh NAME:KEY, as the other node printed it");
        }

        MeshKey made = MeshKey.Generate();
        DataDirectory.WriteSecret(data.MeshKeyFile, Encoding.ASCII.GetBytes(made.ToString()));
        return made;
    }

    private static MeshKey Parse(string text, string where) =>
        MeshKey.TryParse(text, out MeshKey? key)
            ? key
            : throw new UserErrorException($"{where}: not a mesh key; make one with 'p2plearn keygen --mesh'");
}
