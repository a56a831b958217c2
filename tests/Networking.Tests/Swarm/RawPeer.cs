using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

/// <summary>A peer with real handshakes and no manners: it opens what it likes and answers nothing by itself.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private static readonly MultistreamSelect Select = new(new MultistreamOptions(), TimeProvider.System);
    private readonly KeyPair _key;
    private readonly PeerId _remote;

    private RawPeer(KeyPair key, PeerId remote, IMuxedSession session)
    {
        _key = key;
        _remote = remote;
        Session = session;
    }

    public PeerId Id => _key.PeerId;

    public KeyPair Key => _key;

    public IMuxedSession Session { get; }

    public static async Task<RawPeer> DialAsync(Node node, int number)
    {
        ITransportLink link = await new TcpTransport(reusePort: false, TimeProvider.System)
            .DialAsync(node.ListenAddresses[0].WithoutPeerId()!, default).LimitAsync("a TCP connection");
        KeyPair key = KeyPair.FromSeed(TestPeers.Seed(number));
        NoiseChannel channel = await new NoiseSecurity(key, new NoiseOptions(), TimeProvider.System)
            .SecureOutboundAsync(
                Select.Propose(link, NoiseSecurity.ProtocolName), null, [YamuxSession.ProtocolId], default)
            .LimitAsync("a handshake");
        return new RawPeer(
            key, channel.RemotePeer, YamuxSession.Start(channel, true, YamuxOptions.Default, TimeProvider.System));
    }

    /// <summary>Opens a stream on which the node has agreed to the protocol.</summary>
    public async Task<MuxedStream> OpenAsync(ProtocolId protocol)
    {
        MuxedStream stream = await Session.OpenStreamAsync(default).LimitAsync("opening a stream");
        return (await Select.SelectAsync(stream, _remote, [protocol], default)
            .LimitAsync("agreeing on a protocol")).Stream;
    }

    /// <summary>Waits for a stream of the node's, and agrees to its protocol whatever it is.</summary>
    public async Task<(ProtocolId Protocol, MuxedStream Stream)> AcceptAsync()
    {
        MuxedStream stream = (await Session.AcceptStreamAsync(default).LimitAsync("a stream"))!;
        return await Select.AcceptAsync(stream, _remote, _ => true, default).LimitAsync("a proposal");
    }

    public ValueTask DisposeAsync() => Session.DisposeAsync();
}
