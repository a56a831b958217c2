using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

public sealed class AddressBookTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly AutoNatOptions Options = new() { MaxTestedAddresses = 4 };
    private static readonly Multiaddr Inner = Multiaddr.Parse("/ip4/192.168.1.2/tcp/4001");
    private static readonly Multiaddr Open = Multiaddr.Parse("/ip4/11.9.9.9/tcp/4001");
    private static readonly Multiaddr Seen = Multiaddr.Parse("/ip4/11.8.8.8/tcp/4001");
    private static readonly Multiaddr Mapped = Multiaddr.Parse("/ip4/11.8.8.8/tcp/5005");
    private readonly AddressBook _book = new(Options, AddressRule.PublicInternet);

    [Fact]
    public void Given_addresses_come_first_then_the_interfaces_then_the_observed_and_no_more_than_the_limit()
    {
        Update([Inner, Open], [Mapped], [Seen]);
        Assert.Equal([Mapped, Open, Seen], _book.Targets.Select(t => t.Address));
        Assert.Equal([false, false, true], _book.Targets.Select(t => t.WantsMore));
        Update([], [.. Enumerable.Range(1, 9).Select(p => Multiaddr.Parse($"/ip4/11.8.8.8/tcp/{p}"))], []);
        Assert.Equal(Options.MaxTestedAddresses, _book.Targets.Count);
    }

    [Fact]
    public void An_observed_address_is_public_only_when_a_stranger_got_through()
    {
        Update([Inner], [], [Seen]);
        Answer(Seen, 1, ProbeOutcome.Reachable);
        Answer(Seen, 2, ProbeOutcome.Reachable);
        Assert.Equal((Reachability.Unknown, NatFiltering.Unknown), (Overall(), _book.Filtering));
        Answer(Seen, 3, ProbeOutcome.Reachable, stranger: true);
        Assert.Equal((Reachability.Public, NatFiltering.EndpointIndependent), (Overall(), _book.Filtering));
        Assert.False(_book.Targets[0].WantsMore);
    }

    [Fact]
    public void Inbound_connections_of_two_strangers_are_as_good()
    {
        Update([Inner], [], [Seen]);
        Answer(Seen, 1, ProbeOutcome.Reachable);
        Answer(Seen, 2, ProbeOutcome.Reachable);
        _book.StrangerDialled(IPEndPoint.Parse("11.8.8.8:4001"), Ip(5));
        _book.StrangerDialled(IPEndPoint.Parse("11.8.8.8:4001"), Ip(5));
        _book.StrangerDialled(IPEndPoint.Parse("11.8.8.8:4002"), Ip(6)); // another address by its own word
        Assert.Equal(Reachability.Unknown, Overall());
        _book.StrangerDialled(IPEndPoint.Parse("11.8.8.8:4001"), Ip(6));
        Assert.Equal(Reachability.Public, Overall());
    }

    [Fact]
    public void A_stranger_alone_decides_nothing_and_is_forgotten_when_the_door_is_found_closed()
    {
        Update([Inner], [], [Seen]);
        Answer(Seen, 1, ProbeOutcome.Reachable, stranger: true);
        Assert.Equal(Reachability.Unknown, Overall());
        for (int i = 1; i <= 4; i++)
        {
            Answer(Seen, i, ProbeOutcome.Unreachable);
        }

        Assert.Equal((Reachability.Private, NatFiltering.EndpointDependent), (Overall(), _book.Filtering));
        for (int i = 1; i <= 8; i++)
        {
            Answer(Seen, i, ProbeOutcome.Reachable);
        }

        Assert.Equal(Reachability.Unknown, Overall());
    }

    [Theory]
    [InlineData(true, Reachability.Public)]
    [InlineData(false, Reachability.Private)]
    public void An_interfaces_own_and_a_mapped_address_need_no_stranger(bool reachable, Reachability expected)
    {
        foreach (Multiaddr address in (Multiaddr[])[Open, Mapped])
        {
            Update([Open], [Mapped], []);
            Answer(address, 1, reachable ? ProbeOutcome.Reachable : ProbeOutcome.Unreachable);
            Answer(address, 2, reachable ? ProbeOutcome.Reachable : ProbeOutcome.Unreachable);
        }

        Assert.Equal(expected, Overall());
        Assert.Equal(
            reachable ? NatFiltering.EndpointIndependent : NatFiltering.EndpointDependent, _book.Filtering);
    }

    [Fact]
    public void A_symmetric_nat_with_nothing_to_test_is_private()
    {
        Update([Inner], [], []);
        Assert.Equal(Reachability.Unknown, Overall());
        _book.Decide(NatMapping.EndpointDependent, Now);
        Assert.Equal(Reachability.Private, _book.Overall);
        Update([Inner], [Mapped], []);
        _book.Decide(NatMapping.EndpointDependent, Now);
        Assert.Equal(Reachability.Unknown, _book.Overall); // the router may have opened a port
    }

    [Fact]
    public void What_is_known_of_an_address_that_stays_is_kept_and_of_one_that_goes_is_forgotten()
    {
        Update([Open], [], []);
        Answer(Open, 1, ProbeOutcome.Reachable);
        Answer(Open, 2, ProbeOutcome.Reachable);
        Update([Open, Inner], [], [Seen]);
        Assert.Equal(Reachability.Public, Overall());
        Update([Inner], [], [Seen]);
        Assert.Equal(Reachability.Unknown, Overall());
        Update([Open], [], []);
        Assert.Equal(Reachability.Unknown, Overall());
    }

    [Fact]
    public void All_addresses_are_described_the_private_ones_too()
    {
        Update([Inner, Open, Multiaddr.Parse("/ip4/127.0.0.1/tcp/4001")], [], [Seen]);
        Answer(Open, 1, ProbeOutcome.Unreachable);
        Assert.Equal(
            [
                new AddressStatus(Open, AddressSource.Listen, Reachability.Unknown, 1, true),
                new AddressStatus(Seen, AddressSource.Observed, Reachability.Unknown, 3, false),
                new AddressStatus(Inner, AddressSource.Listen, Reachability.Private, 0, false),
            ],
            _book.Describe(new HashSet<Multiaddr> { Open }));
    }

    [Fact]
    public void A_dial_back_has_to_come_in_where_the_address_leads()
    {
        Update([Inner, Open], [], [Seen]);
        Assert.True(_book.Fits(Open, IPEndPoint.Parse("11.9.9.9:4001")));
        Assert.False(_book.Fits(Open, IPEndPoint.Parse("192.168.1.2:4001"))); // it is no NAT's
        Assert.True(_book.Fits(Seen, IPEndPoint.Parse("192.168.1.2:4001")));
        Assert.False(_book.Fits(Seen, IPEndPoint.Parse("192.168.1.2:5555")));
        Assert.False(_book.Fits(Seen, IPEndPoint.Parse("[2a00::1]:4001")));
    }

    private void Update(Multiaddr[] listening, Multiaddr[] mapped, Multiaddr[] observed) => _book.Update(
        listening,
        mapped.Select(a => (AddressSource.Mapped, a)),
        [.. observed.Select(a => new ObservedAddress(EndOf(a), 3, 3, Now))]);

    private void Answer(Multiaddr address, int server, ProbeOutcome outcome, bool stranger = false)
    {
        var from = new ProbeServer(TestPeers.Id(server), Ip(server), SpeaksV2: true, Now);
        _book.Take(new Probe(from, [address]), new ProbeResult(outcome, [address], Ip(server)), stranger, Now);
        _book.Decide(NatMapping.Unknown, Now);
    }

    private Reachability Overall()
    {
        _book.Decide(NatMapping.Unknown, Now);
        return _book.Overall;
    }

    private static IPEndPoint EndOf(Multiaddr address) => ThinWaist.TryGet(address, out IPEndPoint? end) ? end : null!;

    private static IPAddress Ip(int number) => new([11, (byte)number, 0, 1]);
}
