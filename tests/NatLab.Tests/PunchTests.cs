namespace P2PLearn.NatLab.Tests;

/// <summary>How fast, over how bad a network, over IPv6, and after a router forgot everything.</summary>
public sealed class PunchTests
{
    private static readonly TimeSpan DirectLimit = TimeSpan.FromSeconds(60);

    /// <summary>No gate on time, since machines differ: what no working punch or reversal takes.</summary>
    private const double SaneMilliseconds = 5_000;

    [Fact]
    public async Task A_port_restricted_pair_at_25_ms_a_crossing_is_direct_soon()
    {
        PairResult[] pairs = await JoinGridAsync(4, ["--delay", "25", "--jitter", "2", "A=port-restricted", "B=port-restricted"]);
        Report.Write("Port-restricted pairs, 25 ms a crossing, 2 ms jitter", pairs);
        Assert.All(pairs, pair => Assert.True(pair is { Direct: true, How: "Punched" }, $"{pair}"));
        Assert.True(PairResult.Median(pairs) < SaneMilliseconds);
    }

    [Fact]
    public async Task A_public_dialler_is_dialled_back_at_25_ms_a_crossing()
    {
        PairResult[] pairs = await JoinGridAsync(3, ["--delay", "25", "--jitter", "2", "A=open", "B=port-restricted"]);
        Report.Write("A public peer dials a port-restricted one, 25 ms a crossing, 2 ms jitter", pairs);
        Assert.All(pairs, pair => Assert.True(pair.Direct, $"{pair}"));
        Assert.True(2 * pairs.Count(p => p.How == "Reversed") > pairs.Length, "a punch is only for a dial back that is slow");
        Assert.True(PairResult.Median(pairs) < SaneMilliseconds);
    }

    [Fact]
    public Task Every_pair_gets_through_two_percent_loss() => CrossLossAsync(3, "AB");

    [Fact(Explicit = true)]
    public Task Long_a_hundred_pairs_get_through_two_percent_loss() => CrossLossAsync(5, "ABCD");

    private static async Task CrossLossAsync(int hosts, string sites)
    {
        PairResult[] pairs = await JoinGridAsync(hosts, ["--delay", "25", "--jitter", "5", "--loss", "2", .. Sites(sites)], sites: sites);
        Report.Write("Port-restricted pairs, 25 ms a crossing, 5 ms jitter, 2 % loss", pairs);
        Assert.All(pairs, pair => Assert.True(pair.Direct, $"{pair}"));
    }

    [Fact]
    public async Task Two_firewalls_are_punched_over_IPv6()
    {
        PairResult[] pairs = await JoinGridAsync(2, ["--ipv6", "--delay", "5", "A=firewall", "B=firewall"], ipv6: true);
        Report.Write("Firewalled pairs over IPv6, 5 ms a crossing", pairs);
        Assert.All(pairs, pair => Assert.True(pair is { Direct: true, How: "Punched" }, $"{pair}"));
    }

    [Fact]
    public async Task After_a_router_forgot_everything_the_pair_finds_together_again()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("--hosts", "1", "--delay", "5", "A=port-restricted", "B=port-restricted");
        Neighbourhood neighbourhood = await Neighbourhood.StartAsync(laboratory);
        Dictionary<string, HostProcess> peers = await neighbourhood.StartPeersAsync(["a1", "b1"], "--no-autonat");
        PairResult before = await neighbourhood.JoinAsync(peers["a1"], peers["b1"], DirectLimit);
        Assert.True(before.Direct, $"{before}");

        await laboratory.RunAsync("reboot", "A", "2");
        double milliseconds = await AnsweredAsync(peers["a1"], peers["b1"]);
        TestContext.Current.TestOutputHelper?.WriteLine($"answered again {milliseconds:0} ms after the reboot");
    }

    /// <summary>A relay gives one IP address few slots, so many peers need several sites.</summary>
    private static IEnumerable<string> Sites(string sites) => sites.Select(site => $"{site}=port-restricted");

    /// <summary>Every host of the first site of each two dials every host of the second ones, one after the other.</summary>
    private static async Task<PairResult[]> JoinGridAsync(int hosts, string[] laboratoryArguments, bool ipv6 = false, string sites = "AB")
    {
        await using Laboratory laboratory = await Laboratory.UpAsync(["--hosts", $"{hosts}", .. laboratoryArguments]);
        Neighbourhood neighbourhood = await Neighbourhood.StartAsync(laboratory, ipv6);
        string[] HostsOf(int parity) =>
            [.. sites.Where((_, i) => i % 2 == parity).SelectMany(site => Enumerable.Range(1, hosts).Select(i => $"{char.ToLowerInvariant(site)}{i}"))];
        (string[] from, string[] to) = (HostsOf(0), HostsOf(1));
        Dictionary<string, HostProcess> peers = await neighbourhood.StartPeersAsync(
            from.Zip(to).SelectMany(both => (string[])[both.First, both.Second]), "--no-autonat");
        var pairs = new List<PairResult>();
        for (int shift = 0; shift < to.Length; shift++)
        {
            for (int i = 0; i < from.Length; i++)
            {
                pairs.Add(await neighbourhood.JoinAsync(peers[from[i]], peers[to[(i + shift) % to.Length]], DirectLimit));
            }
        }

        return [.. pairs];
    }

    /// <summary>Pings until an answer comes; a ping that fails says that the path is broken, and the next takes another.</summary>
    private static async Task<double> AnsweredAsync(HostProcess from, HostProcess to)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await from.AskAsync($"ping {to.Peer}");
                return TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;
            }
            catch (InvalidOperationException) when (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(90))
            {
                // Not yet.
            }
        }
    }
}
