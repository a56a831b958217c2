using System.Net;
using CsCheck;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

public sealed class MdnsStateTests
{
    private static readonly MdnsOptions Options = new();
    private static readonly DnsName Service = DnsName.Parse(MdnsServiceName.Public);
    private static readonly IPAddress Neighbour = IPAddress.Parse("192.0.2.99");
    private static readonly byte[] Query = MdnsAnnouncement.Bytes(new DnsMessage(false, [new(Service, DnsType.Ptr)], [], []));
    private readonly Lan _lan = new();

    [Fact]
    public void All_nodes_find_all_others_within_a_second()
    {
        LanNode[] nodes = [.. Enumerable.Range(1, 10).Select(i => _lan.Add(i))];
        _lan.Run(TimeSpan.FromSeconds(2));
        Assert.All(nodes, node =>
        {
            Assert.Equal(nodes.Select(n => n.Peer).Where(p => p != node.Peer).Order(), node.Peers.Order());
            Assert.Equal(node.Found.Count, node.Peers.Count());
            Assert.Contains(MdnsOutcome.Own, node.Outcomes);
        });
        Assert.All(nodes[0].Found, f => Assert.Equal($"/ip4/192.0.2.{Number(f.Peer, nodes)}/tcp/4001", Assert.Single(f.Addresses).ToString()));
    }

    [Fact]
    public void One_that_only_listens_hears_of_a_newcomer_by_the_newcomers_own_question()
    {
        LanNode old = _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(64.5));
        LanNode fresh = _lan.Add(2);
        int before = old.Found.Count;
        _lan.Run(TimeSpan.FromMilliseconds(900));
        Assert.Equal(0, before);
        Assert.Equal([fresh.Peer], old.Peers);
        Assert.Equal([old.Peer], fresh.Peers);
    }

    [Fact]
    public void Questions_are_fast_at_first_each_wait_twice_the_last()
    {
        _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(200));
        TimeSpan[] at = [.. _lan.Questions];
        double[] waits = [.. at.Zip(at.Skip(1), (a, b) => (b - a).TotalSeconds)];
        Assert.InRange(at[0].TotalMilliseconds, 20, 120);
        Assert.Equal([1, 2, 4, 8, 16, 32], waits[..6]);
        Assert.All(waits[6..], w => Assert.InRange(w, 60, 66));
    }

    [Fact]
    public void After_the_first_minute_a_network_of_many_asks_about_once_a_minute_together()
    {
        for (int i = 1; i <= 20; i++)
        {
            _lan.Add(i);
        }

        _lan.Run(TimeSpan.FromMinutes(2));
        int before = _lan.Questions.Count();
        _lan.Run(TimeSpan.FromMinutes(10));
        Assert.InRange(_lan.Questions.Count() - before, 9, 15);
    }

    [Fact]
    public void However_often_one_is_asked_there_is_one_answer_a_second_and_none_is_lost()
    {
        LanNode node = _lan.Add(1);
        for (int i = 0; i < 100; i++)
        {
            node.Receive(Neighbour, Query, _lan.Now);
            _lan.Run(TimeSpan.FromMilliseconds(100));
        }

        TimeSpan[] answers = [.. _lan.AnswersOf(node)];
        Assert.InRange(answers.Length, 9, 11);
        Assert.All(answers.Zip(answers.Skip(1)), pair => Assert.True(pair.Second - pair.First >= Options.AnswerPause));
    }

    [Fact]
    public void An_answer_waits_a_while_at_random()
    {
        var waits = new List<double>();
        LanNode node = _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(64.5));
        for (int i = 0; i < 20; i++)
        {
            TimeSpan asked = _lan.Now;
            node.Receive(Neighbour, Query, asked);
            _lan.Run(TimeSpan.FromSeconds(2));
            waits.Add((_lan.AnswersOf(node).Last() - asked).TotalMilliseconds);
        }

        Assert.All(waits, w => Assert.InRange(w, 20, 120));
        Assert.True(waits.Distinct().Count() > 10);
    }

    [Fact]
    public void A_peer_is_told_again_when_half_its_life_is_over_or_its_addresses_change()
    {
        LanNode seer = _lan.Add(1);
        Announce(seer, TimeSpan.Zero, "/ip4/192.0.2.9/tcp/1");
        Announce(seer, TimeSpan.FromSeconds(59), "/ip4/192.0.2.9/tcp/1");
        Assert.Single(seer.Found);
        Announce(seer, TimeSpan.FromSeconds(60), "/ip4/192.0.2.9/tcp/1");
        Assert.Equal(2, seer.Found.Count);
        Announce(seer, TimeSpan.FromSeconds(60.5), "/ip4/192.0.2.9/tcp/2"); // changes faster than is told
        Assert.Equal([MdnsOutcome.Found, MdnsOutcome.Known, MdnsOutcome.Found, MdnsOutcome.Known], seer.Outcomes);
        Announce(seer, TimeSpan.FromSeconds(61), "/ip4/192.0.2.9/tcp/2", "/ip4/192.0.2.9/tcp/1");
        Announce(seer, TimeSpan.FromSeconds(63), "/ip4/192.0.2.9/tcp/1", "/ip4/192.0.2.9/tcp/2"); // another order is no news
        Assert.Equal(3, seer.Found.Count);
        Assert.Equal(2, seer.Found[2].Addresses.Count);
    }

    [Fact]
    public void A_peer_that_expired_is_new_again_and_a_short_life_is_stretched()
    {
        LanNode seer = _lan.Add(1);
        byte[] packet = Answer(TestPeers.Id(50), TimeSpan.FromSeconds(1), "/ip4/192.0.2.9/tcp/1");
        foreach (double at in (double[])[0, 1, 4.9])
        {
            seer.Receive(Neighbour, packet, TimeSpan.FromSeconds(at));
        }

        Assert.Single(seer.Found);
        seer.Receive(Neighbour, packet, TimeSpan.FromSeconds(15));
        Assert.Equal(2, seer.Found.Count);
        Assert.Equal(1, seer.State.PeerCount);
    }

    [Fact]
    public void One_that_leaves_says_so_and_is_told_at_once_when_it_comes_back()
    {
        LanNode stays = _lan.Add(1);
        LanNode goes = _lan.Add(2);
        _lan.Run(TimeSpan.FromSeconds(5));
        _lan.Remove(goes);
        Assert.Equal(MdnsOutcome.Gone, stays.Outcomes[^1]);
        Assert.Equal(0, stays.State.PeerCount);
        DnsMessage farewell = _lan.Sent[^1].Message;
        Assert.Empty(farewell.Additionals);
        _lan.Add(2);
        _lan.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([goes.Peer, goes.Peer], stays.Found.Select(f => f.Peer));
    }

    [Fact]
    public void One_that_never_answered_leaves_in_silence()
    {
        LanNode node = _lan.Add(1);
        node.Addresses = [];
        _lan.Run(TimeSpan.FromSeconds(5));
        Assert.All(_lan.Sent, s => Assert.False(s.Message.IsResponse));
        Assert.Empty(node.State.Stop());
    }

    [Fact]
    public void New_addresses_are_announced_unasked()
    {
        LanNode node = _lan.Add(1);
        LanNode other = _lan.Add(2);
        _lan.Run(TimeSpan.FromSeconds(64.5));
        int before = _lan.AnswersOf(node).Count();
        node.Addresses = [Multiaddr.Parse("/ip4/192.0.2.1/tcp/5000")];
        node.State.Announce(_lan.Now);
        node.State.Announce(_lan.Now);
        _lan.Run(TimeSpan.FromMilliseconds(200));
        Assert.Equal(before + 1, _lan.AnswersOf(node).Count());
        Assert.Equal("/ip4/192.0.2.1/tcp/5000", Assert.Single(other.Found[^1].Addresses).ToString());
    }

    [Fact]
    public void Links_that_come_ask_at_once_and_links_that_go_are_silent()
    {
        LanNode node = _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(100));
        Announce(node, _lan.Now, "/ip4/192.0.2.9/tcp/1");
        node.State.SetLinks([Lan.LinkOf("198.51.100.0/24", 8)], _lan.Now);
        Assert.Equal(0, node.State.PeerCount);
        Assert.True(node.State.NextDue <= _lan.Now + Options.MaxAnswerDelay);
        Assert.Equal(MdnsOutcome.Ignored, node.State.Receive(Lan.Link, Neighbour, Query, _lan.Now).Outcome);
        MdnsPacket packet = Assert.Single(node.State.Tick(node.State.NextDue!.Value, node.Addresses));
        Assert.Equal(8, packet.Link.Index);
        node.State.SetLinks([], _lan.Now);
        Assert.Null(node.State.NextDue);
    }

    [Fact]
    public void A_link_that_stays_keeps_its_pace_and_one_with_other_subnets_starts_anew()
    {
        LanNode node = _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(100));
        TimeSpan? due = node.State.NextDue;
        node.State.SetLinks([Lan.LinkOf()], _lan.Now);
        Assert.Equal(due, node.State.NextDue);
        node.State.SetLinks([Lan.LinkOf("203.0.113.0/24")], _lan.Now);
        Assert.True(node.State.NextDue < due);
    }

    [Fact]
    public void Tools_that_list_services_and_ask_for_one_name_are_answered()
    {
        LanNode node = _lan.Add(1);
        _lan.Run(TimeSpan.FromSeconds(64.5));
        DnsName meta = DnsName.Parse("_services._dns-sd._udp.local");
        var questions = new DnsMessage(false, [new(meta, DnsType.Any), new(Service.Child("name1"), DnsType.Txt)], [], []);
        int before = _lan.Sent.Count;
        node.Receive(Neighbour, MdnsAnnouncement.Bytes(questions), _lan.Now);
        _lan.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(MdnsOutcome.Query, node.Outcomes[^3]); // then come our own answers
        DnsRecord[] answers = [.. _lan.Sent.Skip(before).SelectMany(s => s.Message.Answers)];
        Assert.Contains(answers, a => a is PtrRecord p && p.Name.Equals(meta) && p.Target.Equals(Service));
        Assert.Contains(answers, a => a is PtrRecord p && p.Name.Equals(Service) && p.Target.Equals(Service.Child("name1")));
    }

    [Fact]
    public void Questions_about_other_things_are_none_of_ours()
    {
        LanNode node = _lan.Add(1);
        foreach (DnsQuestion question in (DnsQuestion[])
            [new(DnsName.Parse("_ipp._tcp.local"), DnsType.Ptr), new(Service, DnsType.Txt), new(Service.Child("other"), DnsType.Txt)])
        {
            node.Receive(Neighbour, MdnsAnnouncement.Bytes(new DnsMessage(false, [question], [], [])), _lan.Now);
        }

        Assert.All(node.Outcomes, o => Assert.Equal(MdnsOutcome.Ignored, o));
    }

    [Theory]
    [InlineData("198.51.100.1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("192.0.2.200", true)]
    [InlineData("169.254.3.4", true)]
    [InlineData("fe80::1", true)]
    public void Only_neighbours_are_believed_and_answered(string source, bool isBelieved)
    {
        LanNode node = _lan.Add(1);
        node.Receive(IPAddress.Parse(source), Answer(TestPeers.Id(50), Options.AnswerTtl, "/ip4/192.0.2.9/tcp/1"), _lan.Now);
        node.Receive(IPAddress.Parse(source), Query, _lan.Now);
        MdnsOutcome[] expected = isBelieved ? [MdnsOutcome.Found, MdnsOutcome.Query] : [MdnsOutcome.OffLink, MdnsOutcome.OffLink];
        Assert.Equal(expected, node.Outcomes);
    }

    [Fact]
    public void The_peers_of_one_source_and_of_all_are_limited_and_room_comes_with_time()
    {
        LanNode node = _lan.Add(1, new MdnsOptions { MaxPeers = 6, MaxPeersPerSource = 4 });
        for (int i = 0; i < 10; i++)
        {
            Flood(node, 50 + i, "192.0.2.98", 0);
        }

        Assert.Equal(4, node.Found.Count);
        Assert.Equal(MdnsOutcome.Full, node.Outcomes[^1]);
        for (int i = 0; i < 10; i++)
        {
            Flood(node, 60 + i, "192.0.2.97", 0);
        }

        Assert.Equal(6, node.Found.Count);
        Assert.Equal(6, node.State.PeerCount);
        Flood(node, 70, "192.0.2.98", 119);
        Assert.Equal(6, node.Found.Count);
        Flood(node, 70, "192.0.2.98", 120);
        Assert.Equal(7, node.Found.Count);
        Assert.Equal(1, node.State.PeerCount);
    }

    [Fact]
    public void A_flood_is_read_up_to_its_limit_each_second()
    {
        LanNode node = _lan.Add(1, new MdnsOptions { MaxPacketsPerSecond = 10 });
        for (int i = 0; i < 30; i++)
        {
            node.Receive(Neighbour, [], TimeSpan.FromMilliseconds(i * 10));
        }

        Assert.Equal(10, node.Outcomes.Count(o => o == MdnsOutcome.Malformed));
        Assert.Equal(20, node.Outcomes.Count(o => o == MdnsOutcome.Throttled));
        node.Receive(Neighbour, Query, TimeSpan.FromSeconds(1));
        Assert.Equal(MdnsOutcome.Query, node.Outcomes[^1]);
    }

    [Fact]
    public void A_peer_on_two_links_is_told_for_each()
    {
        var state = new MdnsState(Options, TestPeers.Id(1), "name1", new Random(1));
        state.SetLinks([Lan.LinkOf(), Lan.LinkOf(index: 8)], TimeSpan.Zero);
        byte[] packet = Answer(TestPeers.Id(50), Options.AnswerTtl, "/ip4/192.0.2.9/tcp/1");
        Assert.Equal(MdnsOutcome.Found, state.Receive(Lan.Link, Neighbour, packet, TimeSpan.Zero).Outcome);
        Assert.Equal(MdnsOutcome.Found, state.Receive(8, Neighbour, packet, TimeSpan.Zero).Outcome);
        Assert.Equal(MdnsOutcome.Known, state.Receive(8, Neighbour, packet, TimeSpan.Zero).Outcome);
    }

    [Fact]
    public void Hostile_packets_do_no_harm() =>
        Hostile.Bytes(Query, Answer(TestPeers.Id(50), Options.AnswerTtl, "/ip4/192.0.2.9/tcp/1", "/ip6/2001:db8::1/tcp/2")).Sample(bytes =>
        {
            var lan = new Lan();
            LanNode node = lan.Add(1);
            node.Receive(Neighbour, bytes, TimeSpan.Zero);
            lan.Run(TimeSpan.FromSeconds(3));
            Assert.InRange(node.Found.Count, 0, 1);
            Assert.InRange(lan.Sent.Count, 4, 6); // two questions, with an answer each, and what the packet brought about
        }, iter: 300);

    private static byte[] Answer(PeerId peer, TimeSpan ttl, params string[] addresses) => MdnsAnnouncement.Write(
        Options with { AnswerTtl = ttl },
        Service,
        Service.Child("p" + peer.ToString()[^20..]),
        peer,
        Lan.LinkOf(),
        [.. addresses.Select(Multiaddr.Parse)])!;

    private static void Announce(LanNode to, TimeSpan now, params string[] addresses) =>
        to.Receive(Neighbour, Answer(TestPeers.Id(50), Options.AnswerTtl, addresses), now);

    private static void Flood(LanNode node, int number, string source, double seconds) => node.Receive(
        IPAddress.Parse(source), Answer(TestPeers.Id(number), Options.AnswerTtl, "/ip4/192.0.2.9/tcp/1"), TimeSpan.FromSeconds(seconds));

    private static int Number(PeerId peer, LanNode[] nodes) => 1 + Array.FindIndex(nodes, n => n.Peer == peer);
}
