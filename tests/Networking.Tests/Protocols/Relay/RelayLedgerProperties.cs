using System.Net;
using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Any order of requests, ends and losses keeps within the limits and leaves nothing behind.</summary>
public sealed class RelayLedgerProperties
{
    private static readonly RelayServerOptions Options = new()
    {
        MaxReservations = 6,
        MaxReservationsPerIp = 2,
        MaxReservationsPerNetwork = 3,
        MaxCircuits = 8,
        MaxCircuitsPerPeer = 3,
        MaxCircuitsPerMember = 5,
        MaxRequests = 6,
        MaxRequestsPerPeer = 2,
        ReservationTime = TimeSpan.FromSeconds(40),
    };

    private static readonly Gen<(int Act, int A, int B, int Wait)[]> Acts =
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 11], Gen.Int[0, 11], Gen.Int[0, 9]).Array[1, 200];

    [Fact]
    public void Within_the_limits_at_every_step_and_empty_at_the_end() => Acts.Sample(
        acts =>
        {
            var ledger = new RelayLedger(Options);
            ledger.Open();
            var held = new Dictionary<PeerId, (TimeSpan Until, HopClient Who)>();
            var circuits = new List<CircuitGrant>();
            var requests = new List<PeerId>();
            TimeSpan now = TimeSpan.Zero;
            foreach ((int act, int a, int b, int wait) in acts)
            {
                now += TimeSpan.FromSeconds(wait);
                Step(ledger, act, Who(a), Who(b), now, held, circuits, requests);
                Check(ledger, now, held, circuits, requests);
            }

            circuits.ForEach(ledger.End);
            requests.ForEach(ledger.EndRequest);
            ledger.Close();
            Assert.Equal((0, 0, 0), (ledger.EntryCount, ledger.CircuitCount, ledger.ReservationCount));
        },
        iter: 300);

    private static void Step(
        RelayLedger ledger,
        int act,
        HopClient a,
        HopClient b,
        TimeSpan now,
        Dictionary<PeerId, (TimeSpan Until, HopClient Who)> held,
        List<CircuitGrant> circuits,
        List<PeerId> requests)
    {
        switch (act)
        {
            case 0 or 1 when ledger.TryReserve(a, now).IsOk:
                held[a.Peer] = (now + Options.ReservationTime, a);
                break;
            case 2 or 3 when a.Peer != b.Peer && ledger.TryConnect(a, b.Peer, b.IsMember, now, out CircuitGrant? circuit).IsOk:
                Assert.True(held[b.Peer].Until > now);
                circuits.Add(circuit!);
                break;
            case 4 when circuits.Count > 0:
                ledger.End(circuits[0]);
                circuits.RemoveAt(0);
                break;
            case 5:
                ledger.Disconnected(a.Peer);
                held.Remove(a.Peer);
                break;
            case 6 when requests.Count % 3 == 2:
                ledger.EndRequest(requests[0]);
                requests.RemoveAt(0);
                break;
            case 6 when ledger.TryBegin(a):
                requests.Add(a.Peer);
                break;
        }
    }

    private static void Check(
        RelayLedger ledger,
        TimeSpan now,
        Dictionary<PeerId, (TimeSpan Until, HopClient Who)> held,
        List<CircuitGrant> circuits,
        List<PeerId> requests)
    {
        ledger.Expire(now);
        HopClient[] valid = [.. held.Values.Where(h => h.Until > now).Select(h => h.Who)];
        Assert.Equal(valid.Length, ledger.ReservationCount);
        Assert.All(valid, who => Assert.True(ledger.HasReservation(who.Peer, now)));
        Assert.True(valid.Length <= Options.MaxReservations);
        HopClient[] strangers = [.. valid.Where(w => !w.IsMember)];
        Assert.All(strangers.GroupBy(w => w.Ip), g => Assert.True(g.Count() <= Options.MaxReservationsPerIp));
        Assert.All(
            strangers.GroupBy(w => RelayLedger.NetworkOf(w.Ip!)),
            g => Assert.True(g.Count() <= Options.MaxReservationsPerNetwork));
        Assert.Equal(circuits.Count, ledger.CircuitCount);
        Assert.True(circuits.Count <= Options.MaxCircuits);
        Assert.All(
            circuits.SelectMany(c => new[] { c.Source, c.Target }).GroupBy(p => p),
            g => Assert.True(g.Count() <= Options.MaxCircuitsPerMember));
        Assert.True(requests.Count <= Options.MaxRequests);
    }

    private static HopClient Who(int i) =>
        new(TestPeers.Id(i), new IPAddress(new byte[] { 10, (byte)(i % 2), 0, (byte)(i % 3) }), IsMember: i >= 8);
}
