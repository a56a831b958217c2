using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

/// <summary>Members on a fabric, and what they notice.</summary>
internal static class Meshes
{
    public static readonly ProtocolId Echo = new("/test/echo/1.0.0");
    public static readonly MeshKey Key = MeshKey.Generate();

    public static MeshOptions Home => new() { Name = "home", Key = Key };

    public static Member Add(Fabric fabric, int index, MeshOptions options) => new(fabric.AddNode(index), options, fabric.Time);
}

/// <summary>One node with admission in front of it, serving an echo, and a record of its events.</summary>
internal sealed class Member : IAsyncDisposable
{
    private readonly List<string> _events = [];

    public Member(FabricNode node, MeshOptions options, TimeProvider time)
    {
        Node = node;
        Streams = new AdmittedStreams(node, options, time, NullLoggerFactory.Instance);
        Streams.PeerConnected += p => Note("+", p);
        Streams.PeerDisconnected += p => Note("-", p);
        Streams.AdmissionRefused += (p, refusal, text) =>
        {
            Texts.Enqueue(text);
            Note(refusal.ToString(), p);
        };
        Streams.Handle(Meshes.Echo, Swarm.Swarms.EchoAsync);
    }

    public FabricNode Node { get; }

    public AdmittedStreams Streams { get; }

    public PeerId Id => Node.LocalPeer;

    public System.Collections.Concurrent.ConcurrentQueue<string> Texts { get; } = new();

    /// <summary>In order: + and the peer's short name, − and …, or the refusal and ….</summary>
    public string[] Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    public static string Up(Member peer) => "+" + peer.Id.ToShortString();

    public static string Down(Member peer) => "-" + peer.Id.ToShortString();

    public Task AdmitAsync(Member peer) => Streams.AdmitAsync(peer.Id, CancellationToken.None).LimitAsync("the admission");

    public async Task<PeerUnreachableException> RefusedAsync(Member peer) =>
        await Assert.ThrowsAsync<PeerUnreachableException>(() => AdmitAsync(peer));

    public Task AdmittedAsync(Member peer) => Within.UntilAsync(() => Events.Contains(Up(peer)), "the peer is admitted");

    public Task SawAsync(int count) => Within.UntilAsync(() => Events.Length >= count, $"{count} events");

    public async Task EchoesAsync(Member peer)
    {
        await using PeerStream stream = await Streams.OpenStreamAsync(peer.Id, Meshes.Echo, default).LimitAsync("opening");
        await stream.WriteAsync(new byte[] { 7 });
        byte[] answer = new byte[1];
        Assert.Equal(1, await stream.ReadAsync(answer).LimitAsync("the echo"));
        Assert.Equal(7, answer[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await Streams.DisposeAsync();
        await Node.DisposeAsync();
    }

    private void Note(string what, PeerId peer)
    {
        lock (_events)
        {
            _events.Add(what + peer.ToShortString());
        }
    }
}
