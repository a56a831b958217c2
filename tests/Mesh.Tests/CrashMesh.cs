using System.Net;
using System.Net.Sockets;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>Nodes on ports of their own, so that one that is started again is found where it was.</summary>
internal sealed class CrashMesh(TestMesh mesh) : IAsyncDisposable
{
    // Below the ports that Linux gives to outgoing connections: nobody takes one while its node is dead.
    private const int FirstPort = 20_000;
    private const int PortCount = 8000;

    private static int _ports = Environment.ProcessId * 16 % PortCount; // of the process: tests run side by side

    private readonly List<CrashNode> _nodes = [];

    /// <summary>The nodes; the first one has founded the mesh.</summary>
    public IReadOnlyList<CrashNode> Nodes => _nodes;

    /// <summary>Starts one after another; all but the first have it as their seed.</summary>
    /// <param name="names">What they are called.</param>
    /// <param name="options">A node's options by its name, its seed and its number.</param>
    public async Task StartAsync(string[] names, Func<string, string?, int, NodeOptions> options)
    {
        string? seed = null;
        for (int i = 0; i < names.Length; i++)
        {
            NodeOptions own = options(names[i], seed, i) with { Listen = [$"/ip4/127.0.0.1/tcp/{FreePort()}"] };
            var node = new CrashNode(names[i], own, mesh.Folders[names[i] + ".json"]);
            _nodes.Add(node);
            node.Start();
            string address = await node.ListensAsync();
            seed ??= address;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (CrashNode node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    private static int FreePort()
    {
        while (true)
        {
            int port = FirstPort + (Interlocked.Increment(ref _ports) % PortCount);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody's; the next one.
            }
        }
    }
}
