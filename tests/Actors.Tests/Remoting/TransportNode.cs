using System.Buffers.Binary;
using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Remote.Transport;
using Google.Protobuf;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>A transport at a node of a fabric, with a test in the place of Akka.Remote above it.</summary>
internal sealed class TransportNode : IAsyncDisposable, IAssociationEventListener
{
    private readonly ActorSystem _system;
    private readonly P2PTransport _transport;
    private readonly ConcurrentQueue<Link> _inbound = new();

    private TransportNode(FabricNode node, P2PTransportOptions options)
    {
        Node = node;
        Setup = new P2PTransportSetup(node, TimeProvider.System, Log) { Options = options, FirewallEnabled = false };
        _system = ActorSystem.Create(
            AkkaAddress.SystemName, ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig("akka.stdout-loglevel = OFF, akka.loglevel = OFF"), Setup));
        _transport = new P2PTransport(_system, Config.Empty);
    }

    public FabricNode Node { get; }

    public TestLog Log { get; } = new();

    public P2PTransportSetup Setup { get; }

    public TransportCounters Counters => Setup.Counters;

    /// <summary>Associations that others opened.</summary>
    public IReadOnlyCollection<Link> Inbound => _inbound;

    public static async Task<TransportNode> StartAsync(Fabric fabric, int index, P2PTransportOptions? options = null)
    {
        TransportNode node = new(fabric.AddNode(index), options ?? new P2PTransportOptions());
        (_, TaskCompletionSource<IAssociationEventListener> listener) = await node._transport.Listen();
        listener.SetResult(node);
        return node;
    }

    /// <summary>Opens an association and says the handshake, as Akka would.</summary>
    public async Task<Link> AssociateAsync(PeerId peer, ulong uid = 77)
    {
        Link link = new(await _transport.Associate(AkkaAddress.Of(peer)).LimitAsync("an association"));
        Assert.True(link.Handle.Write(ByteString.CopyFrom(FrameBuilder.Associate(Node.LocalPeer, uid))));
        return link;
    }

    public async Task<Link> AcceptAsync()
    {
        await Within.UntilAsync(() => !_inbound.IsEmpty, "an inbound association");
        return _inbound.TryDequeue(out Link? link) ? link : throw new InvalidOperationException("two took it");
    }

    public void Notify(IAssociationEvent ev)
    {
        if (ev is InboundAssociation { Association: { } handle })
        {
            _inbound.Enqueue(new Link(handle));
        }
    }

    /// <summary>Two nodes with an association in which both have named themselves.</summary>
    public static async Task<(Link Opener, Link Acceptor)> LinkAsync(TransportNode opener, TransportNode acceptor)
    {
        Link a = await opener.AssociateAsync(acceptor.Node.LocalPeer);
        Link b = await acceptor.AcceptAsync();
        Assert.True(b.Handle.Write(ByteString.CopyFrom(FrameBuilder.Associate(acceptor.Node.LocalPeer))));
        await Within.UntilAsync(() => a.Handshakes == 1 && b.Handshakes == 1, "both handshakes");
        return (a, b);
    }

    public Task StopAsync() => _transport.Shutdown();

    public async ValueTask DisposeAsync()
    {
        await StopAsync().LimitAsync("the transport to stop");
        await _system.Terminate();
    }

    /// <summary>One end of an association; checks that numbers come one by one.</summary>
    internal sealed class Link : IHandleEventListener
    {
        private int _handshakes;
        private int _received;
        private int _disassociated;

        public Link(AssociationHandle handle)
        {
            Handle = handle;
            handle.ReadHandlerSource.SetResult(this);
        }

        public AssociationHandle Handle { get; }

        public int Handshakes => Volatile.Read(ref _handshakes);

        /// <summary>Numbers 0 … this − 1 came, in order and each once.</summary>
        public int Received => Volatile.Read(ref _received);

        public int Disassociations => Volatile.Read(ref _disassociated);

        /// <summary>What came that should not have.</summary>
        public string? Wrong { get; private set; }

        /// <summary>Sends numbers, trying again when the queue is full, as Akka does.</summary>
        public async Task SendAsync(int first, int count, int bytes = 8)
        {
            byte[] body = new byte[bytes];
            for (int i = first; i < first + count; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(body, i | int.MinValue);
                ByteString frame = ByteString.CopyFrom(body);
                while (!Handle.Write(frame))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
                    if (Disassociations > 0)
                    {
                        throw new InvalidOperationException("the association is over");
                    }
                }
            }
        }

        public Task ReceivedAsync(int count) => Within.UntilAsync(() => Received >= count || Wrong is not null, $"{count} frames");

        public void Notify(IHandleEvent ev)
        {
            if (ev is Disassociated)
            {
                Interlocked.Increment(ref _disassociated);
                return;
            }

            ReadOnlySpan<byte> body = ((InboundPayload)ev).Payload.Span;
            if (body[0] < 0x80)
            {
                Interlocked.Increment(ref _handshakes);
                return;
            }

            int number = BinaryPrimitives.ReadInt32BigEndian(body) & int.MaxValue;
            if (number != _received)
            {
                Wrong ??= $"{number} came after {_received - 1}";
            }

            Interlocked.Increment(ref _received);
        }
    }
}
