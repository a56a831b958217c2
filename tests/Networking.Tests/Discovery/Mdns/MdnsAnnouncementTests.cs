using System.Text;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

public sealed class MdnsAnnouncementTests
{
    private static readonly MdnsOptions Options = new();
    private static readonly DnsName Service = DnsName.Parse(MdnsServiceName.Public);
    private static readonly DnsName Name = Service.Child("abcdefghijklmnopqrstuvwxyz012345");
    private static readonly PeerId A = TestPeers.Id(1);
    private static readonly PeerId B = TestPeers.Id(2);

    [Fact]
    public void What_is_written_is_read()
    {
        string relayed = $"/ip4/203.0.113.1/tcp/4001/p2p/{TestPeers.Id(3)}/p2p-circuit"; // two ids: 163 characters and so short enough
        string[] addresses = ["/ip4/192.0.2.1/tcp/4001", "/ip6/2001:db8::1/tcp/4001", relayed];
        Assert.Equal(MdnsOutcome.Found, Read(Write(addresses)!, out MdnsAnnouncement? read));
        Assert.Equal(A, read!.Peer);
        Assert.Equal(Name, read.Name);
        Assert.Equal(Options.AnswerTtl, read.Ttl);
        Assert.Equal(addresses, read.Addresses.Select(a => a.ToString()));
    }

    [Fact]
    public void The_addresses_of_the_link_come_first()
    {
        Read(Write("/ip4/203.0.113.1/tcp/1", "/ip4/198.51.100.1/tcp/1", "/ip4/192.0.2.1/tcp/1")!, out MdnsAnnouncement? read);
        Assert.Equal(
            ["/ip4/192.0.2.1/tcp/1", "/ip4/203.0.113.1/tcp/1", "/ip4/198.51.100.1/tcp/1"], read!.Addresses.Select(a => a.ToString()));
    }

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1")]
    [InlineData("/ip6/::1/tcp/1")]
    [InlineData("/ip6/::ffff:127.0.0.1/tcp/1")]
    [InlineData("/ip4/0.0.0.0/tcp/1")]
    [InlineData("/ip6/::/tcp/1")]
    [InlineData("/ip4/224.0.0.251/tcp/1")]
    [InlineData("/ip4/255.255.255.255/tcp/1")]
    [InlineData("/ip6/ff02::fb/tcp/1")]
    [InlineData("/ip6/fe80::1/tcp/1")]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/1")]
    [InlineData("/dns4/example.com/tcp/1")]
    [InlineData("/dnsaddr/example.com")]
    [InlineData("/memory/1")]
    public void Addresses_of_no_use_to_a_neighbour_are_neither_written_nor_read(string address)
    {
        Assert.Null(Write(address));
        Assert.Equal(MdnsOutcome.NoAddress, Read(Packet($"dnsaddr={address}/p2p/{A}"), out _));
    }

    [Fact]
    public void Loopback_is_for_peers_on_the_same_machine()
    {
        byte[] packet = MdnsAnnouncement.Write(
            Options, Service, Name, A, Lan.LinkOf("127.0.0.0/8", isLoopback: true), [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1")])!;
        Assert.Equal(MdnsOutcome.NoAddress, Read(packet, out _));
        Assert.Equal(MdnsOutcome.Found, Read(packet, out _, withinMachine: true));
    }

    [Fact]
    public void Addresses_that_are_too_long_or_too_many_are_left_out()
    {
        string tooLong = "/ip4/192.0.2.9/tcp/1/p2p/" + A + "/p2p-circuit" + "/dns/" + new string('a', 100) + "/tcp/1";
        Read(Write([tooLong, .. Enumerable.Range(1, 40).Select(i => $"/ip4/192.0.2.{i}/tcp/1")])!, out MdnsAnnouncement? read);
        Assert.Equal("/ip4/192.0.2.1/tcp/1", read!.Addresses[0].ToString());
        Assert.InRange(read.Addresses.Count, 8, Options.MaxAddressesPerPeer);
        Assert.Null(Write(tooLong));
    }

    [Fact]
    public void An_answer_stays_within_its_bytes_and_its_count()
    {
        string[] many = [.. Enumerable.Range(1, 200).Select(i => $"/ip4/192.0.2.{i}/tcp/4001")];
        foreach (MdnsOptions options in (MdnsOptions[])[Options, Options with { MaxAnswerBytes = 512 }, Options with { MaxAnswerBytes = 9000 }])
        {
            byte[] packet = MdnsAnnouncement.Write(options, Service, Name, A, Lan.LinkOf(), [.. many.Select(Multiaddr.Parse)])!;
            Assert.InRange(packet.Length, 300, options.MaxAnswerBytes);
            Read(packet, out MdnsAnnouncement? read);
            Assert.InRange(read!.Addresses.Count, 3, options.MaxAddressesPerPeer);
        }
    }

    [Fact]
    public void An_address_with_an_id_already_is_written_with_it_once()
    {
        Read(Write($"/ip4/192.0.2.1/tcp/1/p2p/{A}", "/ip4/192.0.2.1/tcp/1")!, out MdnsAnnouncement? read);
        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(read!.Addresses).ToString());
    }

    [Fact]
    public void Every_address_names_the_peer_and_all_the_same()
    {
        string good = $"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{A}";
        Assert.Equal(MdnsOutcome.NoPeerId, Read(Packet(good, "dnsaddr=/ip4/192.0.2.1/tcp/2"), out _));
        Assert.Equal(MdnsOutcome.PeerIdsDiffer, Read(Packet(good, $"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{B}"), out _));
        Assert.Equal(MdnsOutcome.NoPeerId, Read(Packet($"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{A}/p2p-circuit"), out _));
    }

    [Fact]
    public void Other_keys_and_unknown_addresses_are_passed_over()
    {
        Assert.Equal(MdnsOutcome.NoAddress, Read(Packet("txtvers=1", "", "dnsaddr", "dnsaddr=", "DNSADDR=/ip4/192.0.2.1/tcp/1"), out _));
        string[] texts = ["v=1", "dnsaddr=/newproto/1/p2p/x", $"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{A}", "dnsaddr=\u0001\u0002"];
        Assert.Equal(MdnsOutcome.Found, Read(Packet(texts), out MdnsAnnouncement? read));
        Assert.Single(read!.Addresses);
    }

    [Fact]
    public void No_more_addresses_are_taken_than_the_limit()
    {
        string[] texts = [.. Enumerable.Range(1, 80).Select(i => $"dnsaddr=/ip4/192.0.2.{i}/tcp/1/p2p/{A}")];
        Assert.Equal(MdnsOutcome.Found, Read(Packet(texts), out MdnsAnnouncement? read));
        Assert.Equal(Options.MaxAddressesPerPeer, read!.Addresses.Count);
        Assert.Equal(MdnsOutcome.PeerIdsDiffer, Read(Packet([.. texts, $"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{B}"]), out _));
    }

    [Fact]
    public void Texts_in_records_of_their_own_among_the_answers_are_read()
    {
        DnsRecord[] records =
        [
            new PtrRecord(Service, Options.AnswerTtl, Name),
            new TxtRecord(Name, Options.AnswerTtl, Strings($"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{A}")),
            new TxtRecord(Name, TimeSpan.FromSeconds(60), Strings($"dnsaddr=/ip4/192.0.2.1/tcp/2/p2p/{A}")),
        ];
        Assert.Equal(MdnsOutcome.Found, Read(MdnsAnnouncement.Bytes(new DnsMessage(true, [], records, [])), out MdnsAnnouncement? read));
        Assert.Equal(2, read!.Addresses.Count);
        Assert.Equal(TimeSpan.FromSeconds(60), read.Ttl);
    }

    [Fact]
    public void Texts_without_a_pointer_of_our_service_say_nothing()
    {
        byte[] strings = Strings($"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{A}");
        DnsName other = DnsName.Parse("_ipfs._udp.local");
        DnsRecord text = new TxtRecord(Name, Options.AnswerTtl, strings);
        foreach (DnsRecord[] records in (DnsRecord[][])
            [
                [text],
                [new PtrRecord(other, Options.AnswerTtl, Name), text],
                [new PtrRecord(Service, Options.AnswerTtl, other.Child("a")), new TxtRecord(other.Child("a"), Options.AnswerTtl, strings)],
                [new PtrRecord(Service, Options.AnswerTtl, Service.Child("x")), text],
            ])
        {
            Assert.Equal(MdnsOutcome.Ignored, Read(MdnsAnnouncement.Bytes(new DnsMessage(true, [], records, [])), out _));
        }
    }

    private static byte[]? Write(params string[] addresses) =>
        MdnsAnnouncement.Write(Options, Service, Name, A, Lan.LinkOf(), [.. addresses.Select(Multiaddr.Parse)]);

    private static byte[] Packet(params string[] texts) => MdnsAnnouncement.Bytes(new DnsMessage(
        true, [], [new PtrRecord(Service, Options.AnswerTtl, Name)], [new TxtRecord(Name, Options.AnswerTtl, Strings(texts))]));

    private static byte[] Strings(params string[] texts) => [.. texts.SelectMany(t => (byte[])[(byte)t.Length, .. Encoding.ASCII.GetBytes(t)])];

    private static MdnsOutcome Read(byte[] packet, out MdnsAnnouncement? announcement, bool withinMachine = false)
    {
        Assert.True(DnsReader.TryRead(packet, out DnsMessage? message));
        return MdnsAnnouncement.Read(message, Service, Options.MaxAddressesPerPeer, withinMachine, out announcement);
    }
}
