using System.Net;
using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>The pure parts of a server: whom it dials for whom, how often, and who is a stranger.</summary>
public sealed class ServerPolicyTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress Requester = IPAddress.Parse("11.2.0.1");
    private static readonly AutoNatServerLimits Limits = new();
    private IPAddress[] _own = [IPAddress.Parse("11.1.0.1"), IPAddress.Parse("192.168.1.2")];

    private DialPolicy Policy => new(Limits, AddressRule.PublicInternet, () => _own);

    [Fact]
    public void The_first_address_that_may_be_dialled_is_chosen()
    {
        Assert.True(Policy.TryChoose(
            [
                ByteString.CopyFrom(0xff, 0xff), ByteString.Empty, Bytes("/ip4/10.0.0.1/tcp/1"), Bytes("/dns4/example.org/tcp/1"),
                Bytes("/ip4/11.2.0.1/tcp/4001/ws"), Bytes("/ip4/11.1.0.1/tcp/22"), Bytes("/ip4/127.0.0.1/tcp/22"),
                Bytes("/ip4/11.2.0.1/tcp/4001/p2p/" + TestPeers.Id(1)), Bytes("/ip4/11.2.0.1/tcp/4002"),
            ],
            Requester,
            out DialChoice? choice));
        Assert.Equal((7, "/ip4/11.2.0.1/tcp/4001", false), (choice.Index, choice.Address.ToString(), choice.NeedsData));
    }

    [Fact]
    public void Another_ip_has_to_be_paid_for()
    {
        Assert.True(Policy.TryChoose([Bytes("/ip4/11.3.0.1/tcp/80")], Requester, out DialChoice? choice));
        Assert.True(choice.NeedsData);
        Assert.Equal("11.3.0.1", choice.Ip.ToString());
    }

    [Fact]
    public void Addresses_beyond_the_limit_are_not_looked_at()
    {
        List<ByteString> addresses = [.. Enumerable.Repeat(Bytes("/ip4/10.0.0.1/tcp/1"), Limits.MaxAddresses)];
        addresses.Add(Bytes("/ip4/11.2.0.1/tcp/4001"));
        Assert.False(Policy.TryChoose(addresses, Requester, out _));
        addresses.RemoveAt(0);
        Assert.True(Policy.TryChoose(addresses, Requester, out _));
    }

    [Fact]
    public void Another_family_is_dialled_only_by_who_has_it()
    {
        ByteString[] ipv6 = [Bytes("/ip6/2a00::1/tcp/4001")];
        Assert.False(Policy.TryChoose(ipv6, Requester, out _));
        _own = [.. _own, IPAddress.Parse("fd00::1")];
        Assert.False(Policy.TryChoose(ipv6, Requester, out _)); // not public
        _own = [.. _own, IPAddress.Parse("2a01::1")];
        Assert.True(Policy.TryChoose(ipv6, Requester, out _));
        Assert.True(Policy.TryChoose([Bytes("/ip4/11.2.0.1/tcp/4001")], IPAddress.Parse("2a00::1"), out _)); // from behind a NAT
    }

    [Theory]
    [InlineData("11.2.0.1", true)]
    [InlineData("192.168.1.9", false)] // in our own network
    [InlineData("11.1.0.1", false)] // behind the same NAT, or on this very machine
    public void Who_is_reached_otherwise_than_by_the_world_is_not_judged(string requester, bool can) =>
        Assert.Equal(can, Policy.CanJudge(IPAddress.Parse(requester)));

    [Fact]
    public void Version_1_dials_few_addresses_and_only_at_the_requesters_ip()
    {
        ByteString[] addresses =
        [
            Bytes("/ip4/11.3.0.1/tcp/80"),
            .. Enumerable.Range(1, 20).Select(port => Bytes($"/ip4/11.2.0.1/tcp/{port}")),
        ];
        IReadOnlyList<Multiaddr> found = Policy.AtRequester(addresses, Requester);
        Assert.Equal(Limits.MaxV1Dials, found.Count);
        Assert.All(found, a => Assert.StartsWith("/ip4/11.2.0.1/", a.ToString(), StringComparison.Ordinal));
        Assert.Empty(Policy.AtRequester([.. Enumerable.Repeat(addresses[0], Limits.MaxV1Addresses), addresses[1]], Requester));
    }

    [Fact]
    public void Requests_are_counted_in_all_by_peer_and_by_ip()
    {
        var rates = new RequestRates(inAll: 5, perPeer: 2, perIp: 3);
        Assert.True(rates.TryTake(TestPeers.Id(1), Ip(1), Start));
        Assert.True(rates.TryTake(TestPeers.Id(1), Ip(2), Start));
        Assert.False(rates.TryTake(TestPeers.Id(1), Ip(3), Start)); // the peer
        Assert.True(rates.TryTake(TestPeers.Id(2), Ip(1), Start));
        Assert.True(rates.TryTake(TestPeers.Id(3), Ip(1), Start));
        Assert.False(rates.TryTake(TestPeers.Id(4), Ip(1), Start)); // the IP, with peer ids as many as one likes
        Assert.True(rates.TryTake(TestPeers.Id(5), Ip(4), Start + TimeSpan.FromSeconds(59)));
        Assert.False(rates.TryTake(TestPeers.Id(6), Ip(5), Start + TimeSpan.FromSeconds(59))); // all
        Assert.True(rates.TryTake(TestPeers.Id(6), Ip(5), Start + RequestRates.Window));
        Assert.Equal(2, rates.Count);
    }

    [Fact]
    public void A_flood_of_requests_is_not_remembered()
    {
        var rates = new RequestRates(10, 10, 10);
        for (int i = 0; i < 1_000; i++)
        {
            rates.TryTake(TestPeers.Id(i % 20), Ip(i % 200), Start);
        }

        Assert.Equal(10, rates.Count);
    }

    [Fact]
    public void A_contact_is_no_stranger_while_the_nat_may_remember_it()
    {
        var contacts = new Contacts(TimeSpan.FromHours(2));
        Assert.False(contacts.Knows(Ip(1), Start));
        contacts.Opened(Ip(1), Start);
        contacts.Opened(Ip(1), Start);
        contacts.Closed(Ip(1), Start);
        Assert.True(contacts.Knows(Ip(1), Start + TimeSpan.FromDays(1))); // one is still open
        contacts.Closed(Ip(1), Start + TimeSpan.FromDays(1));
        contacts.Closed(Ip(9), Start); // never told of: harmless
        contacts.Dialled(Ip(2), Start); // in vain: the NAT has seen it leave
        Assert.True(contacts.Knows(Ip(2), Start + TimeSpan.FromHours(1)));
        Assert.False(contacts.Knows(Ip(2), Start + TimeSpan.FromHours(2)));
        Assert.True(contacts.Knows(Ip(1), Start + TimeSpan.FromDays(1) + TimeSpan.FromHours(1)));
        Assert.False(contacts.Knows(Ip(1), Start + TimeSpan.FromDays(1) + TimeSpan.FromHours(2)));
    }

    [Fact]
    public void With_too_many_contacts_to_remember_nobody_is_a_stranger()
    {
        var contacts = new Contacts(TimeSpan.FromHours(2));
        for (int i = 0; i < Contacts.MaxEntries; i++)
        {
            contacts.Opened(new IPAddress(0x0b0b_0000L + i), Start);
        }

        Assert.False(contacts.Knows(Ip(1), Start));
        contacts.Opened(Ip(2), Start);
        Assert.Equal(Contacts.MaxEntries, contacts.Count);
        Assert.True(contacts.Knows(Ip(1), Start));
        Assert.False(contacts.Knows(Ip(1), Start + TimeSpan.FromHours(2)));
        contacts.Closed(new IPAddress(0x0b0b_0000L), Start);
        contacts.Opened(Ip(2), Start + TimeSpan.FromHours(2)); // there is room again
        Assert.True(contacts.Knows(Ip(2), Start + TimeSpan.FromHours(2)));
    }

    private static IPAddress Ip(int number) => new([11, 50, (byte)number, 1]);

    private static ByteString Bytes(string address) => ByteString.CopyFrom(Multiaddr.Parse(address).Bytes);
}
