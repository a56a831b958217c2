global using Node = P2PLearn.Networking.Swarm.Swarm;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

/// <summary>Makes whole nodes for tests; number i always has the same identity.</summary>
internal static class Swarms
{
    public static readonly Multiaddr Loopback = Multiaddr.Parse("/ip4/127.0.0.1/tcp/0");

    public static CancellationToken None => CancellationToken.None;

    /// <summary>A node that does not listen.</summary>
    public static Node Create(int number, Func<SwarmOptions, SwarmOptions>? change = null)
    {
        KeyPair key = KeyPair.FromSeed(TestPeers.Seed(number));
        var options = new SwarmOptions { Identity = key, AgentVersion = $"test/{number}" };
        return new Node(change is null ? options : change(options));
    }

    /// <summary>A node that listens on loopback.</summary>
    public static async Task<Node> ListenAsync(int number, Func<SwarmOptions, SwarmOptions>? change = null)
    {
        Node node = Create(number, change);
        await node.ListenAsync(Loopback, None).LimitAsync("listening");
        return node;
    }

    /// <summary>Connects <paramref name="from"/> to <paramref name="to"/> and waits until both sides know.</summary>
    public static async Task ConnectAsync(Node from, Node to)
    {
        await from.ConnectAsync(to.ListenAddresses[0], None).LimitAsync("connecting");
        await Within.UntilAsync(() => to.ConnectedPeers.Contains(from.LocalPeer), "the other side is connected");
    }

    /// <summary>Waits until <paramref name="node"/> knows what <paramref name="peer"/> speaks.</summary>
    public static Task IdentifiedAsync(Node node, Node peer) =>
        Within.UntilAsync(() => node.GetPeerInfo(peer.LocalPeer)?.Protocols is not null, "identify is done");

    /// <summary>Serves a protocol by sending everything back.</summary>
    public static async Task EchoAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }

        await stream.CloseWriteAsync(cancellationToken);
    }

    /// <summary>Sends bytes on a new stream and takes everything that comes back.</summary>
    public static async Task<byte[]> AskAsync(
        Node from, PeerId to, Networking.Negotiation.ProtocolId protocol, byte[] request)
    {
        await using PeerStream stream = await from.OpenStreamAsync(to, protocol, None).LimitAsync("opening a stream");
        await stream.WriteAsync(request, None).LimitAsync("writing");
        await stream.CloseWriteAsync(None).LimitAsync("half-closing");
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer).LimitAsync("reading the answer");
        return answer.ToArray();
    }
}
