using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Lookups;

public sealed class LookupTests
{
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private static readonly PeerId Self = KadSamples.Id(0);
    private static readonly KadKey Target = KadKey.Of("target"u8);
    private static readonly LookupOptions OnePath = new() { DisjointPaths = 1 };

    [Fact]
    public void It_asks_alpha_at_once_and_the_nearest_first()
    {
        Lookup lookup = New(OnePath, [.. Ranked(1, 40).Take(20)]);
        Assert.Equal(Ranked(1, 40).Take(10), lookup.Tick(Start).Select(p => p.Peer));
        Assert.Empty(lookup.Tick(Start));
    }

    [Fact]
    public void It_ends_when_the_k_closest_seen_have_answered()
    {
        PeerId[] all = [.. Ranked(1, 100)];
        Lookup lookup = New(OnePath, all[60..80]);
        Run(lookup, peer => Peers([.. all.Where(p => p != peer).Take(20)]));

        Assert.Equal(LookupEnd.Converged, lookup.End);
        Assert.Equal(all[..20], lookup.Closest.Select(p => p.Peer));
        Assert.InRange(lookup.RequestCount, 40, 44); // the k closest, our own, and few between
        Assert.Equal(2, lookup.HopsTo(all[0]));
    }

    [Fact]
    public void Peers_that_fail_do_not_count_among_the_closest()
    {
        PeerId[] all = [.. Ranked(1, 100)];
        Lookup lookup = New(OnePath, all[60..80]);
        Run(lookup, peer => Array.IndexOf(all, peer) is var i && i < 10 ? null : Peers(all[(i % 2 * 10)..][..20]));

        Assert.Equal(LookupEnd.Converged, lookup.End);
        Assert.Equal(all[10..30], lookup.Closest.Select(p => p.Peer));
    }

    [Fact]
    public void With_fewer_peers_than_k_it_ends_when_all_have_answered()
    {
        PeerId[] all = [.. Ranked(1, 5)];
        Lookup lookup = New(new LookupOptions(), all);
        Run(lookup, _ => Peers(all));
        Assert.Equal((LookupEnd.Converged, 5), (lookup.End, lookup.Closest.Count));
    }

    [Fact]
    public void Without_a_seed_it_ends_at_once()
    {
        Lookup lookup = New(new LookupOptions(), []);
        Assert.Empty(lookup.Tick(Start));
        Assert.Equal(LookupEnd.Converged, lookup.End);
    }

    [Fact]
    public void Neither_this_node_nor_a_peer_twice_is_asked()
    {
        PeerId[] all = [.. Ranked(1, 60)];
        Lookup lookup = New(new LookupOptions(), all[..20]);
        List<PeerId> asked = Run(lookup, _ => Peers([Self, .. all[..19]]));
        Assert.DoesNotContain(Self, asked);
        Assert.Equal(asked.Distinct().Count(), asked.Count);
    }

    [Fact]
    public void A_slow_peer_frees_its_place_and_a_late_answer_counts()
    {
        PeerId[] all = [.. Ranked(1, 40)];
        var options = new LookupOptions { DisjointPaths = 1, Concurrency = 1 };
        Lookup lookup = New(options, all[..20]);
        Assert.Equal(all[0], Assert.Single(lookup.Tick(Start)).Peer);
        Assert.Equal(Start + options.SlowAfter, lookup.NextDeadline(Start));
        DateTimeOffset slow = Start + options.SlowAfter;
        Assert.Equal(all[1], Assert.Single(lookup.Tick(slow)).Peer);
        Assert.Equal(Start + (2 * options.SlowAfter), lookup.NextDeadline(slow));

        lookup.Tick(Start + options.RequestTimeout); // the first has failed
        lookup.Answered(all[0], [], Start + options.RequestTimeout);
        Assert.Contains(all[0], lookup.Closest.Select(p => p.Peer));
    }

    [Fact]
    public void Its_time_is_limited_and_what_was_found_counts()
    {
        PeerId[] all = [.. Ranked(1, 40)];
        Lookup lookup = New(new LookupOptions(), all[..20]);
        lookup.Tick(Start);
        lookup.Answered(all[0], [], Start);
        Assert.Empty(lookup.Tick(Start + TimeSpan.FromSeconds(60)));
        Assert.Equal(LookupEnd.Exhausted, lookup.End);
        Assert.Equal(all[0], Assert.Single(lookup.Closest).Peer);
    }

    [Fact]
    public void Liars_that_name_ever_closer_peers_use_up_its_requests_and_no_more()
    {
        int next = 100;
        Lookup lookup = New(new LookupOptions { MaxRequests = 60 }, [.. Ranked(1, 20)]);
        List<PeerId> asked = Run(lookup, _ => Peers([.. Enumerable.Range(next += 20, 20).Select(KadSamples.Id)]));
        Assert.Equal((LookupEnd.Exhausted, 60), (lookup.End, asked.Count));
    }

    [Fact]
    public void Of_an_answer_with_thousands_of_peers_twenty_are_heard()
    {
        Lookup lookup = New(OnePath, [KadSamples.Id(1)]);
        List<PeerId> asked = Run(
            lookup, p => p == KadSamples.Id(1) ? Peers([.. Enumerable.Range(2, 5_000).Select(KadSamples.Id)]) : []);
        Assert.InRange(asked.Count, 20, 21); // the seed, and the k nearest of what is known
    }

    [Fact]
    public void An_answer_nobody_asked_for_is_ignored()
    {
        Lookup lookup = New(OnePath, [KadSamples.Id(1)]);
        lookup.Tick(Start);
        Assert.Empty(lookup.Answered(KadSamples.Id(7), Peers([KadSamples.Id(8)]), Start));
        Assert.Empty(lookup.Closest);
    }

    [Fact]
    public void A_liar_is_heard_on_its_own_path_only()
    {
        // Two paths of one seed each. The liar's path sees made-up peers only; the other one finds the honest ones.
        PeerId liar = KadSamples.Id(1), honest = KadSamples.Id(2);
        PeerId[] honestPeers = [.. Enumerable.Range(100, 30).Select(KadSamples.Id)];
        PeerId[] close = [.. Enumerable.Range(1_000, 20_000).Select(KadSamples.Id).OrderBy(Distance).Take(40)];
        Lookup lookup = New(new LookupOptions { DisjointPaths = 2 }, [liar, honest]);
        List<PeerId> asked = Run(
            lookup, p => p == liar || close.Contains(p) ? Peers([.. close.Where(c => c != p).Take(20)]) : Peers(honestPeers[..15]));

        Assert.Equal(LookupEnd.Converged, lookup.End);
        Assert.All(honestPeers[..15], p => Assert.Contains(p, asked));
    }

    [Fact]
    public void However_many_near_ones_liars_name_every_peer_of_our_own_table_is_asked()
    {
        PeerId[] all = [.. Ranked(1, 400)];
        PeerId[] colluders = all[..40], liars = all[100..110], honest = all[390..];
        Lookup lookup = New(OnePath, [.. liars, .. honest]);
        List<PeerId> asked = Run(lookup, p => honest.Contains(p) ? [] : Peers([.. colluders.Where(c => c != p).Take(20)]));
        Assert.All(honest, p => Assert.Contains(p, asked)); // they are farther than anybody the liars named
        Assert.Equal(LookupEnd.Converged, lookup.End);
    }

    [Fact]
    public void A_false_address_told_on_one_path_does_not_hide_a_peer_from_the_others()
    {
        PeerId liar = KadSamples.Id(1), honest = KadSamples.Id(2), victim = KadSamples.Id(3);
        Multiaddr right = Multiaddr.Parse("/ip4/10.1.1.1/tcp/1"), wrong = Multiaddr.Parse("/ip4/10.6.6.6/tcp/1");
        Lookup lookup = New(new LookupOptions { DisjointPaths = 2 }, [liar, honest]);
        lookup.Tick(Start);

        Assert.Equal(wrong, Assert.Single(lookup.Answered(liar, [new KadPeer(victim, [wrong])], Start)).Addresses[0]);
        Assert.Empty(lookup.Answered(honest, [new KadPeer(victim, [right])], Start)); // it is being asked
        Assert.Equal(right, Assert.Single(lookup.Failed(victim, Start)).Addresses[0]);
        Assert.Empty(lookup.Failed(victim, Start)); // not again at the same one
        Assert.Equal(LookupEnd.Converged, lookup.End);
    }

    [Fact]
    public void One_ip_group_has_four_candidates_on_a_path()
    {
        List<KadPeer> sybils = [.. Enumerable.Range(10, 20).Select(i => KadSamples.Peer(i, $"11.1.{i}.1"))];
        List<KadPeer> others = [.. Enumerable.Range(40, 10).Select(i => KadSamples.Peer(i, $"11.{i}.1.1"))];
        Lookup lookup = New(OnePath, [KadSamples.Id(1)]);
        lookup.Tick(Start);
        IReadOnlyList<KadPeer> ask = lookup.Answered(KadSamples.Id(1), [.. sybils[..10], .. others], Start);
        KadPeer[] asked = [.. ask, .. Rest(lookup, ask)];
        Assert.Equal(4, asked.Count(sybils.Contains));
        Assert.All(others, o => Assert.Contains(o, asked));
    }

    [Fact]
    public void The_same_answers_give_the_same_requests()
    {
        PeerId[] all = [.. Ranked(1, 200)];
        List<PeerId> Trace() => Run(
            New(new LookupOptions(), all[100..120]),
            p => Peers([.. all.Skip(Array.IndexOf(all, p) / 2).Take(20)]));
        Assert.Equal(Trace(), Trace());
    }

    [Fact]
    public void Whoever_has_what_it_wants_stops_it()
    {
        Lookup lookup = New(new LookupOptions(), [.. Ranked(1, 20)]);
        IReadOnlyList<KadPeer> asked = lookup.Tick(Start);
        lookup.Stop();
        Assert.Empty(lookup.Answered(asked[0].Peer, Peers([KadSamples.Id(99)]), Start));
        Assert.Equal(LookupEnd.Stopped, lookup.End);
    }

    [Fact]
    public void On_every_network_of_honest_peers_it_finds_exactly_the_closest() =>
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 10]).Sample((seed, paths) =>
        {
            // Each peer knows the 20 closest to any target, and a few others: more than a routing table would.
            PeerId[] all = [.. Ranked(seed, 80)];
            Lookup lookup = New(new LookupOptions { DisjointPaths = paths }, [.. all.Where((_, i) => i % 4 == 0)]);
            Run(lookup, p => Peers([.. all.Where(o => o != p).Take(20)]));
            Assert.Equal(all[..20], lookup.Closest.Select(p => p.Peer));
        }, iter: 30);

    private static List<KadPeer> Rest(Lookup lookup, IReadOnlyList<KadPeer> asked)
    {
        List<KadPeer> rest = [];
        Queue<KadPeer> open = new(asked);
        while (open.TryDequeue(out KadPeer? peer))
        {
            foreach (KadPeer next in lookup.Answered(peer.Peer, [], Start))
            {
                rest.Add(next);
                open.Enqueue(next);
            }
        }

        return rest;
    }

    private static KadKey.Distance Distance(PeerId peer) => KadKey.Of(peer).DistanceTo(Target);

    /// <summary>Peers by number, the nearest to the target first.</summary>
    private static IEnumerable<PeerId> Ranked(int from, int count) =>
        Enumerable.Range(from, count).Select(KadSamples.Id).OrderBy(Distance);

    private static List<KadPeer> Peers(PeerId[] peers) => [.. peers.Select(p => new KadPeer(p, []))];

    private static Lookup New(LookupOptions options, PeerId[] seeds) => new(Target, Self, Peers(seeds), options, Start);

    /// <summary>Answers every request at once; null fails it.</summary>
    private static List<PeerId> Run(Lookup lookup, Func<PeerId, List<KadPeer>?> answer)
    {
        List<PeerId> asked = [];
        Queue<KadPeer> open = new(lookup.Tick(Start));
        while (open.TryDequeue(out KadPeer? peer))
        {
            asked.Add(peer.Peer);
            List<KadPeer>? closer = answer(peer.Peer);
            IReadOnlyList<KadPeer> next = closer is null
                ? lookup.Failed(peer.Peer, Start)
                : lookup.Answered(peer.Peer, closer, Start);
            foreach (KadPeer more in next)
            {
                open.Enqueue(more);
            }
        }

        return asked;
    }
}
