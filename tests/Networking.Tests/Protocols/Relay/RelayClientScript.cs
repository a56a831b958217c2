using System.Buffers;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>A node that calls itself a relay, and answers hop requests as the test has it.</summary>
internal sealed class RelayClientScript : IAsyncDisposable
{
    private int _requests;

    private RelayClientScript(Node node) => Node = node;

    public Node Node { get; }

    /// <summary>Requests that came in.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>What is done on a hop stream after its request was read.</summary>
    public required StreamHandler Answer { get; set; }

    public static async Task<RelayClientScript> StartAsync(int number, StreamHandler answer)
    {
        Node node = await Swarms.ListenAsync(number);
        var script = new RelayClientScript(node) { Answer = answer };
        node.Handle(RelayProtocols.Hop, script.ServeAsync);
        return script;
    }

    /// <summary>A frame around anything.</summary>
    public static byte[] Frame(params byte[] message)
    {
        var output = new ArrayBufferWriter<byte>();
        Uvarint.Write(output, (ulong)message.Length);
        output.Write(message);
        return output.WrittenSpan.ToArray();
    }

    public static byte[] Frame(HopMessage message) => Frame(RelayCodec.Encode(message));

    public static byte[] Frame(StopMessage message) => Frame(RelayCodec.Encode(message));

    /// <summary>Writes bytes and closes.</summary>
    public static StreamHandler Says(byte[] bytes) => async (stream, token) =>
    {
        await stream.WriteAsync(bytes, token);
        await stream.CloseWriteAsync(token);
    };

    /// <summary>A slot without fault, to be spoilt.</summary>
    public HopMessage Grant(
        PeerId holder, TimeSpan? lifetime = null, KeyPair? signer = null, IReadOnlyList<Multiaddr>? addresses = null)
    {
        DateTimeOffset expires = TimeProvider.System.GetUtcNow() + (lifetime ?? TimeSpan.FromHours(1));
        KeyPair key = signer ?? Node.Network.Identity;
        byte[] voucher = new ReservationVoucher(key.PeerId, holder, expires).Seal(key).ToProtobuf();
        return HopMessage.Answer(RelayStatusCode.Ok) with
        {
            Reservation = new ReservationGrant(expires, addresses ?? [.. Node.ListenAddresses], voucher),
        };
    }

    /// <summary>Opens a stop stream to a peer and sends bytes on it.</summary>
    public async Task<SwarmStream> StopAsync(Node to, byte[] bytes)
    {
        await Within.UntilAsync(
            () => Node.Network.Speaks(to.LocalPeer, RelayProtocols.Stop) == true, "the relay knows of the stop protocol");
        SwarmStream stream = await Node.Network.ConnectionsOf(to.LocalPeer)[0]
            .OpenStreamAsync(RelayProtocols.Stop, optimistic: false, CancellationToken.None).LimitAsync("a stop stream");
        await stream.WriteAsync(bytes, CancellationToken.None).LimitAsync("writing");
        return stream;
    }

    /// <summary>Sends bytes on a stop stream and takes the answer.</summary>
    public async Task<RelayStatusCode> AskAsync(Node to, byte[] bytes)
    {
        await using SwarmStream stream = await StopAsync(to, bytes);
        return (await RelayNet.ReadStopAsync(stream)).Status;
    }

    public double ScoreAt(Node node) => node.GetPeerInfo(Node.LocalPeer)!.Score;

    public ValueTask DisposeAsync() => Node.DisposeAsync();

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] request = new byte[RelayCodec.MaxMessageBytes];
        await stream.ReadAtLeastAsync(request, 1, cancellationToken: cancellationToken);
        Interlocked.Increment(ref _requests);
        await Answer(stream, cancellationToken);
    }
}
