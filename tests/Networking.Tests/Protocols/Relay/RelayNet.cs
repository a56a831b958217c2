using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>A relay on loopback and peers that speak to it message by message.</summary>
internal sealed class RelayNet : IAsyncDisposable
{
    private readonly List<Node> _nodes = [];

    private RelayNet(Node relay, RelayServerOptions options)
    {
        Relay = relay;
        Server = new RelayServer(relay.Network, options);
        Server.SetActive(true);
    }

    public Node Relay { get; }

    public RelayServer Server { get; }

    public static async Task<RelayNet> StartAsync(
        Func<RelayServerOptions, RelayServerOptions>? change = null, Func<SwarmOptions, SwarmOptions>? swarm = null)
    {
        var options = new RelayServerOptions();
        return new RelayNet(await Swarms.ListenAsync(0, swarm), change is null ? options : change(options));
    }

    /// <summary>A peer that is connected to the relay.</summary>
    public async Task<Node> JoinAsync(int number, Func<SwarmOptions, SwarmOptions>? change = null)
    {
        Node node = Swarms.Create(number, change);
        _nodes.Add(node);
        await Swarms.ConnectAsync(node, Relay);
        await Swarms.IdentifiedAsync(node, Relay);
        await Swarms.IdentifiedAsync(Relay, node);
        return node;
    }

    /// <summary>A peer with a reservation that serves its circuits with <paramref name="serve"/>; null to echo.</summary>
    public async Task<Node> TargetAsync(int number, StreamHandler? serve = null)
    {
        Node node = await JoinAsync(number);
        node.Handle(RelayProtocols.Stop, async (stream, token) =>
        {
            StopMessage request = await ReadStopAsync(stream);
            Assert.Equal(StopMessageType.Connect, request.Type);
            await WriteAsync(stream, StopMessage.Answer(RelayStatusCode.Ok));
            await (serve ?? Swarms.EchoAsync)(stream, token);
        });
        Assert.Equal(RelayStatusCode.Ok, (await ReserveAsync(node)).Status);
        await Within.UntilAsync(
            () => Relay.Network.Speaks(node.LocalPeer, RelayProtocols.Stop) == true, "the relay knows of the handler");
        return node;
    }

    public Task<HopMessage> ReserveAsync(Node from) => AskAsync(from, RelayCodec.Encode(HopMessage.Reserve));

    /// <summary>Asks for something and takes the answer.</summary>
    public async Task<HopMessage> AskAsync(Node from, byte[] message)
    {
        await using PeerStream stream = await OpenAsync(from);
        return await AskAsync(stream, message);
    }

    /// <summary>Asks for a circuit that must be granted.</summary>
    public async Task<PeerStream> ConnectAsync(Node from, PeerId to)
    {
        (PeerStream stream, HopMessage answer) = await TryConnectAsync(from, to);
        Assert.Equal(RelayStatusCode.Ok, answer.Status);
        return stream;
    }

    public async Task<(PeerStream Stream, HopMessage Answer)> TryConnectAsync(Node from, PeerId to)
    {
        PeerStream stream = await OpenAsync(from);
        return (stream, await AskAsync(stream, RelayCodec.Encode(HopMessage.Connect(to))));
    }

    public Task<PeerStream> OpenAsync(Node from) =>
        from.OpenStreamAsync(Relay.LocalPeer, RelayProtocols.Hop, CancellationToken.None).LimitAsync("a hop stream");

    public static async Task<StopMessage> ReadStopAsync(PeerStream stream) =>
        Decoded(RelayCodec.Decode(await ReadFrameAsync(stream), out StopMessage? message), message);

    public static Task WriteAsync(PeerStream stream, StopMessage message) =>
        FramedWriter.WriteAsync(stream, RelayCodec.Encode(message), CancellationToken.None).LimitAsync("writing");

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().LimitAsync("the server's end");
        foreach (Node node in _nodes)
        {
            await node.DisposeAsync().LimitAsync("a node's end");
        }

        await Relay.DisposeAsync().LimitAsync("the relay's end");
    }

    private static async Task<HopMessage> AskAsync(PeerStream stream, byte[] message)
    {
        await FramedWriter.WriteAsync(stream, message, CancellationToken.None).LimitAsync("asking");
        return Decoded(RelayCodec.Decode(await ReadFrameAsync(stream), out HopMessage? answer), answer);
    }

    private static T Decoded<T>(EndReason reason, T? message)
    {
        Assert.Equal(EndReason.None, reason);
        return message!;
    }

    /// <summary>Byte by byte, so that nothing behind the message is taken.</summary>
    private static async Task<byte[]> ReadFrameAsync(PeerStream stream)
    {
        int length = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte[] one = await ReadAsync(stream, 1);
            length |= (one[0] & 0x7f) << shift;
            if (one[0] < 0x80)
            {
                return await ReadAsync(stream, length);
            }
        }
    }

    private static async Task<byte[]> ReadAsync(PeerStream stream, int count)
    {
        byte[] bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, CancellationToken.None).LimitAsync("a message");
        return bytes;
    }
}
