using System.Net;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayLedgerTests
{
    private static readonly RelayServerOptions Options = new();

    [Fact]
    public void A_closed_ledger_gives_no_slots()
    {
        var ledger = new RelayLedger(Options);
        Assert.Equal(RelayStatusCode.ReservationRefused, ledger.TryReserve(Client(1), At(0)).Status);
        ledger.Open();
        Assert.True(ledger.TryReserve(Client(1), At(0)).IsOk);
        ledger.Close();
        Assert.False(ledger.HasReservation(TestPeers.Id(1), At(0)));
        Assert.Equal(0, ledger.EntryCount);
    }

    [Fact]
    public void A_slot_ends_at_its_time()
    {
        RelayLedger ledger = Opened();
        ledger.TryReserve(Client(1), At(0));
        ledger.TryReserve(Client(2), At(10));
        Assert.Equal(Options.ReservationTime, ledger.NextExpiry);
        Assert.True(ledger.HasReservation(TestPeers.Id(1), Options.ReservationTime - TimeSpan.FromTicks(1)));
        Assert.False(ledger.HasReservation(TestPeers.Id(1), Options.ReservationTime));
        Assert.Equal(1, ledger.ReservationCount);
        Assert.Equal(1, ledger.Expire(Options.ReservationTime + At(10)));
        Assert.Equal((0, null), (ledger.EntryCount, ledger.NextExpiry));
    }

    [Fact]
    public void A_new_slot_takes_the_place_of_the_old_one()
    {
        RelayLedger ledger = Opened(Options with { MaxReservations = 1, MaxReservationsPerIp = 1 });
        Assert.True(ledger.TryReserve(Client(1), At(0)).IsOk);
        Assert.True(ledger.TryReserve(Client(1), At(100)).IsOk);
        Assert.Equal(1, ledger.ReservationCount);
        Assert.True(ledger.HasReservation(TestPeers.Id(1), Options.ReservationTime + At(50)));
        Assert.True(ledger.TryReserve(Client(1, "198.51.100.9"), At(101)).IsOk); // from elsewhere: the old address is free
        Assert.Equal(3, ledger.EntryCount);
    }

    [Fact]
    public void Refused_a_renewal_leaves_the_old_slot()
    {
        RelayLedger ledger = Opened(Options with { MaxReservationsPerIp = 1 });
        ledger.TryReserve(Client(1), At(0));
        ledger.TryReserve(Client(2, "198.51.100.9"), At(0));
        Assert.Equal(RelayStatusCode.ReservationRefused, ledger.TryReserve(Client(2), At(1)).Status);
        Assert.True(ledger.HasReservation(TestPeers.Id(2), At(1)));
        Assert.True(ledger.Disconnected(TestPeers.Id(1)));
        Assert.False(ledger.Disconnected(TestPeers.Id(1)));
        Assert.True(ledger.TryReserve(Client(2), At(2)).IsOk);
    }

    [Fact]
    public void Strangers_leave_a_part_of_the_slots_to_members()
    {
        RelayLedger ledger = Opened(Options with { MaxReservations = 4 });
        Assert.Equal(3, Enumerable.Range(0, 9).Count(i => ledger.TryReserve(Client(i, $"10.{i}.0.1"), At(0)).IsOk));
        Assert.True(ledger.TryReserve(Member(20), At(0)).IsOk);
        Assert.Equal(RelayStatusCode.ReservationRefused, ledger.TryReserve(Member(21), At(0)).Status);
        Assert.Equal(4, ledger.ReservationCount);
    }

    [Theory]
    [InlineData("192.0.2.{0}", 32)] // addresses of their own in one /16: the limit by network
    [InlineData("192.0.2.1", 8)]
    [InlineData("2001:db8:1:2::{0}", 8)] // one /64 is one customer
    [InlineData("2001:db8:{0}::1", 32)] // one /32
    [InlineData("10.{0}.0.1", 96)]
    [InlineData("::ffff:192.0.2.1", 8)]
    public void Strangers_of_one_address_or_network_get_few_slots(string ip, int allowed)
    {
        RelayLedger ledger = Opened();
        int granted = Enumerable.Range(1, 120).Count(i =>
            ledger.TryReserve(Client(i, string.Format(null, ip, i)), At(0)).IsOk);
        Assert.Equal(allowed, granted);
    }

    [Fact]
    public void Members_behind_one_address_all_get_a_slot()
    {
        RelayLedger ledger = Opened();
        Assert.All(Enumerable.Range(0, 128), i => Assert.True(ledger.TryReserve(Member(i), At(0)).IsOk));
        Assert.False(ledger.TryReserve(Member(128), At(0)).IsOk);
    }

    [Fact]
    public void A_reservation_flood_of_one_peer_is_told_from_a_lack_of_room()
    {
        RelayLedger ledger = Opened();
        Assert.All(Enumerable.Range(0, 30), _ => Assert.True(ledger.TryReserve(Client(1), At(0)).IsOk));
        Assert.Equal(RelayVerdict.Flood, ledger.TryReserve(Client(1), At(0)));
        ledger.Disconnected(TestPeers.Id(1)); // coming back does not help
        Assert.Equal(RelayVerdict.Flood, ledger.TryReserve(Client(1), At(119)));
        Assert.True(ledger.TryReserve(Client(1), At(120)).IsOk);
    }

    [Fact]
    public void A_reservation_flood_of_one_address_is_held_back_whoever_it_claims_to_be()
    {
        RelayLedger ledger = Opened();
        int asked = Enumerable.Range(0, 1000).Count(i => !ledger.TryReserve(Client(i), At(0)).IsFlood);
        Assert.Equal(60, asked);
        Assert.True(ledger.TryReserve(Client(5000, "10.9.9.9"), At(0)).IsOk);
        Assert.True(ledger.TryReserve(Member(5001), At(0)).IsOk);
    }

    [Fact]
    public void Only_who_holds_a_slot_is_connected_to()
    {
        RelayLedger ledger = Opened();
        Assert.Equal(
            RelayStatusCode.NoReservation, ledger.TryConnect(Client(1), TestPeers.Id(2), false, At(0), out CircuitGrant? none).Status);
        Assert.Null(none);
        ledger.TryReserve(Client(2), At(0));
        Assert.True(ledger.TryConnect(Client(1), TestPeers.Id(2), false, At(0), out CircuitGrant? circuit).IsOk);
        Assert.Equal((TestPeers.Id(1), TestPeers.Id(2)), (circuit!.Source, circuit.Target));
        Assert.Equal(1, ledger.CircuitCount);
        ledger.End(circuit);
        ledger.End(circuit);
        Assert.Equal(0, ledger.CircuitCount);
        Assert.False(ledger.TryConnect(Client(1), TestPeers.Id(2), false, Options.ReservationTime, out _).IsOk);
    }

    [Theory]
    [InlineData(true, true, 12 * 60, null)]
    [InlineData(true, false, 2, 131072L)]
    [InlineData(false, true, 2, 131072L)]
    [InlineData(false, false, 2, 131072L)]
    public void Only_two_members_get_the_larger_limit(bool source, bool target, int minutes, long? bytes)
    {
        RelayLedger ledger = Opened();
        ledger.TryReserve(target ? Member(2) : Client(2), At(0));
        ledger.TryConnect(source ? Member(1) : Client(1), TestPeers.Id(2), target, At(0), out CircuitGrant? circuit);
        Assert.Equal(new LinkLimit(TimeSpan.FromMinutes(minutes), bytes), circuit!.Limit);
    }

    [Fact]
    public void One_peer_gets_few_circuits_as_source_and_as_target()
    {
        RelayLedger ledger = Opened();
        foreach (int i in Enumerable.Range(0, 40))
        {
            ledger.TryReserve(Client(i, $"10.{i}.0.1"), At(0));
        }

        Assert.Equal(16, Enumerable.Range(1, 30).Count(i =>
            ledger.TryConnect(Client(0), TestPeers.Id(i), false, At(0), out _).IsOk));
        Assert.Equal(RelayStatusCode.ResourceLimitExceeded, Connect(39, 0).Status); // 16 are both ways together
        Assert.Equal(16, Enumerable.Range(17, 20).Count(i => i != 31 && Connect(i, 31).IsOk));
        Assert.Equal(new RelayVerdict(RelayStatusCode.ResourceLimitExceeded), Connect(39, 31));

        RelayVerdict Connect(int from, int to) =>
            ledger.TryConnect(Client(from, $"10.{from}.0.1"), TestPeers.Id(to), false, At(0), out _);
    }

    [Fact]
    public void Strangers_that_fill_a_members_circuits_leave_room_for_members()
    {
        RelayLedger ledger = Opened();
        ledger.TryReserve(Member(0), At(0));
        Assert.Equal(16, Enumerable.Range(1, 40).Count(i =>
            ledger.TryConnect(Client(i, $"10.{i}.0.1"), TestPeers.Id(0), true, At(0), out _).IsOk));
        Assert.Equal(48, Enumerable.Range(100, 60).Count(i =>
            ledger.TryConnect(Member(i), TestPeers.Id(0), true, At(0), out _).IsOk));
    }

    [Fact]
    public void Circuits_in_all_are_limited_and_strangers_take_a_part_only()
    {
        RelayLedger ledger = Opened(Options with { MaxCircuits = 8 });
        ledger.TryReserve(Member(0), At(0));
        Assert.Equal(6, Enumerable.Range(1, 9).Count(i => ledger.TryConnect(Client(i), TestPeers.Id(0), true, At(0), out _).IsOk));
        Assert.Equal(2, Enumerable.Range(20, 9).Count(i => ledger.TryConnect(Member(i), TestPeers.Id(0), true, At(0), out _).IsOk));
    }

    [Fact]
    public void A_circuit_flood_is_held_back_by_peer_and_by_address()
    {
        RelayLedger ledger = Opened();
        Assert.Equal(32, Enumerable.Range(0, 99).Count(_ => !Ask(Client(1)).IsFlood));
        Assert.Equal(64, Enumerable.Range(100, 99).Count(i => !Ask(Client(i, "10.1.1.1")).IsFlood));
        Assert.False(Ask(Client(7, "10.0.0.1")).IsFlood);
        Assert.Equal(256, Enumerable.Range(0, 400).Count(_ => !Ask(Member(8)).IsFlood));
        Assert.False(ledger.TryConnect(Member(8), TestPeers.Id(99), true, At(1), out _).IsFlood);

        RelayVerdict Ask(HopClient client) => ledger.TryConnect(client, TestPeers.Id(99), false, At(0), out _);
    }

    [Fact]
    public void Waiting_requests_are_limited_by_peer_and_in_all()
    {
        RelayLedger ledger = Opened();
        Assert.Equal(8, Enumerable.Range(0, 20).Count(_ => ledger.TryBegin(Client(1))));
        ledger.EndRequest(TestPeers.Id(1));
        Assert.True(ledger.TryBegin(Client(1)));
        Assert.Equal(192 - 8, Enumerable.Range(2, 400).Count(i => ledger.TryBegin(Client(i))));
        Assert.Equal(64, Enumerable.Range(0, 99).Count(_ => ledger.TryBegin(Member(900))));
        Assert.False(ledger.TryBegin(Member(901)));
    }

    private static TimeSpan At(int seconds) => TimeSpan.FromSeconds(seconds);

    private static RelayLedger Opened(RelayServerOptions? options = null)
    {
        var ledger = new RelayLedger(options ?? Options);
        ledger.Open();
        return ledger;
    }

    private static HopClient Client(int peer, string ip = "192.0.2.1") =>
        new(TestPeers.Id(peer), IPAddress.Parse(ip), IsMember: false);

    private static HopClient Member(int peer) => Client(peer) with { IsMember = true };
}
