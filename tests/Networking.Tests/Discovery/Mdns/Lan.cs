using System.Net;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

/// <summary>A network of state machines in virtual time: what one sends on its link all hear, itself included.</summary>
internal sealed class Lan
{
    public const int Link = 7;
    private readonly List<LanNode> _nodes = [];

    public TimeSpan Now { get; private set; }

    /// <summary>Questions and answers that went over the wire, with their times.</summary>
    public List<(TimeSpan At, LanNode From, DnsMessage Message)> Sent { get; } = [];

    public IEnumerable<TimeSpan> Questions => Sent.Where(s => !s.Message.IsResponse).Select(s => s.At);

    public IEnumerable<TimeSpan> AnswersOf(LanNode node) => Sent.Where(s => s.From == node && s.Message.IsResponse).Select(s => s.At);

    public static MdnsLink LinkOf(string network = "192.0.2.0/24", int index = Link, bool isLoopback = false) =>
        new(index, "eth" + index, true, true, isLoopback, [IPNetwork.Parse(network)], [IPAddress.Parse("192.0.2.250")]);

    public LanNode Add(int number, MdnsOptions? options = null)
    {
        var node = new LanNode(number, options ?? new MdnsOptions());
        node.State.SetLinks([LinkOf()], Now);
        _nodes.Add(node);
        return node;
    }

    public void Remove(LanNode node)
    {
        _nodes.Remove(node);
        Deliver(node, node.State.Stop());
    }

    /// <summary>Lets time pass, from one due thing to the next.</summary>
    public void Run(TimeSpan duration)
    {
        TimeSpan end = Now + duration;
        while (_nodes.Min(n => n.State.NextDue) is { } due && due <= end)
        {
            Now = due > Now ? due : Now;
            foreach (LanNode node in _nodes)
            {
                Deliver(node, node.State.Tick(Now, node.Addresses));
            }
        }

        Now = end;
    }

    private void Deliver(LanNode from, IReadOnlyList<MdnsPacket> packets)
    {
        foreach (MdnsPacket packet in packets)
        {
            Assert.True(DnsReader.TryRead(packet.Bytes, out DnsMessage? message));
            Sent.Add((Now, from, message));
            foreach (LanNode node in _nodes)
            {
                node.Receive(from.Source, packet.Bytes, Now);
            }
        }
    }
}

/// <summary>A node at 192.0.2.<c>number</c>.</summary>
internal sealed class LanNode(int number, MdnsOptions options)
{
    public PeerId Peer { get; } = TestPeers.Id(number);

    public IPAddress Source { get; } = IPAddress.Parse($"192.0.2.{number}");

    public MdnsState State { get; } = new(options, TestPeers.Id(number), $"name{number}", new Random(number));

    public IReadOnlyList<Multiaddr> Addresses { get; set; } = [Multiaddr.Parse($"/ip4/192.0.2.{number}/tcp/4001")];

    public List<(TimeSpan At, PeerId Peer, IReadOnlyList<Multiaddr> Addresses)> Found { get; } = [];

    public List<MdnsOutcome> Outcomes { get; } = [];

    public IEnumerable<PeerId> Peers => Found.Select(f => f.Peer).Distinct();

    public void Receive(IPAddress source, byte[] packet, TimeSpan now)
    {
        MdnsReceipt receipt = State.Receive(Lan.Link, source, packet, now);
        Outcomes.Add(receipt.Outcome);
        if (receipt.Announcement is { } found)
        {
            Found.Add((now, found.Peer, found.Addresses));
        }
    }
}
