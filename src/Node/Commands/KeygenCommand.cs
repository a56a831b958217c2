using System.CommandLine;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn keygen</c>: identities and mesh keys.</summary>
internal static class KeygenCommand
{
    public static Command Create()
    {
        var dataDir = new Option<string>("--data-dir")
        {
            Description = "The node's data directory [default: p2plearn-data]",
            DefaultValueFactory = _ => "p2plearn-data",
        };
        var mesh = new Option<bool>("--mesh") { Description = "Print a new mesh key instead" };
        var command = new Command("keygen", "Make a node's identity before its first start, or a mesh key.") { dataDir, mesh };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(mesh))
            {
                Console.Out.WriteLine(MeshKey.Generate());
                return 0;
            }

            using DataDirectory data = DataDirectory.Open(parsed.GetRequiredValue(dataDir));
            if (File.Exists(data.IdentityFile))
            {
                throw new UserErrorException($"{data.IdentityFile} is there already; a node keeps its identity for life");
            }

            using KeyPair key = IdentityFile.Create(data.IdentityFile);
            Console.Out.WriteLine(key.PeerId);
            return 0;
        });
        return command;
    }
}
