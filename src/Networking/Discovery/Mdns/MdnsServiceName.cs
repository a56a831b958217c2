using System.Security.Cryptography;
using System.Text;
using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>The names under which peers ask for each other.</summary>
/// <remarks>Source: libp2p specs, discovery/mdns, Definitions.</remarks>
public static class MdnsServiceName
{
    /// <summary>Every libp2p peer.</summary>
    public const string Public = "_p2p._udp.local";

    private const int FingerprintBytes = 16;

    /// <summary>The service of a mesh: <c>_p2p-&lt;fingerprint&gt;._udp.local</c> when it has a key, else <see cref="Public"/>.</summary>
    /// <remarks>
    /// The fingerprint is the first 16 bytes, in lower-case base 16, of HMAC-SHA256 under the mesh key over
    /// <c>p2plearn-mdns fingerprint</c>, a zero byte and the mesh's name. It tells strangers neither: only who holds the key can say
    /// which mesh it is. Ordinary libp2p peers do not see a node that asks under it.
    /// </remarks>
    public static string ForMesh(MeshOptions mesh)
    {
        ArgumentNullException.ThrowIfNull(mesh);
        if (mesh.Key is null)
        {
            return Public;
        }

        byte[] hash = HMACSHA256.HashData(mesh.Key.Bytes, [.. "p2plearn-mdns fingerprint\0"u8, .. Encoding.ASCII.GetBytes(mesh.Name)]);
        return $"_p2p-{Convert.ToHexStringLower(hash.AsSpan(0, FingerprintBytes))}._udp.local";
    }
}
