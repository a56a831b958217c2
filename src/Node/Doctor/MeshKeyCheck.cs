using System.Text;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Doctor;

/// <summary>The mesh key that a founder keeps reads. It is never put aside by itself: a founder would make another mesh.</summary>
internal sealed class MeshKeyCheck : IDoctorCheck
{
    public string Name => "mesh.key";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        string file = context.Data.MeshKeyFile;
        Finding finding = !File.Exists(file) ? Finding.Ok("none: this node did not make the mesh")
            : MeshKey.TryParse(Encoding.ASCII.GetString(DataDirectory.ReadSecret(file)).Trim(), out _) ? Finding.Ok("reads")
            : Finding.Problem("damaged: not a mesh key", "write the key of another member's --mesh NAME:KEY into it");
        return Task.FromResult(finding);
    }
}
