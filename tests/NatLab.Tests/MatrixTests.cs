namespace P2PLearn.NatLab.Tests;

/// <summary>Every type of NAT against every other, in both directions: each pair gets connected, and each that can be
/// direct becomes direct.</summary>
public sealed class MatrixTests
{
    /// <summary>Share of punches that succeed at the first attempt on the public network (arXiv:2510.27500).</summary>
    private const double FirstAttemptShare = 0.976;

    /// <summary>Pairs that join at the same time.</summary>
    private const int AtOnce = 3;

    private static readonly TimeSpan DirectLimit = TimeSpan.FromSeconds(60);

    private static readonly string[] Types =
        ["open", "full-cone", "address-restricted", "port-restricted", "symmetric", "firewall", "cgn"];

    [Fact]
    public async Task Every_pair_gets_connected_and_every_pair_that_can_be_direct_becomes_direct()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync(
            ["--hosts", "1", .. Types.Select((type, i) => $"{Site(i)}={type}"), .. Types.Select((type, i) => $"{Site(i + Types.Length)}={type}")]);
        Neighbourhood neighbourhood = await Neighbourhood.StartAsync(laboratory);
        Dictionary<string, HostProcess> peers = await neighbourhood.StartPeersAsync(Enumerable.Range(0, 2 * Types.Length).Select(Host), "--no-autonat");

        PairResult[] pairs = await JoinAllAsync(neighbourhood, peers);
        Report.Write("Every type of NAT against every other; the first dials, over a relay", pairs);

        Assert.All(pairs, pair => Assert.True(pair.Connected, $"{pair}"));
        PairResult[] possible = [.. pairs.Where(p => CanBeDirect(p.From, p.To))];
        Assert.All(possible, pair => Assert.True(pair.Direct, $"{pair}"));
        PairResult[] punched = [.. pairs.Where(p => p is { Direct: true, How: "Punched" })];
        Assert.True(punched.Count(p => p.Attempt == 1) >= FirstAttemptShare * punched.Length, "too few punched at the first attempt");
        Assert.All(
            pairs.Where(p => (p.From, p.To) is ("full-cone", "full-cone") or ("full-cone", "symmetric") or ("symmetric", "full-cone")),
            pair => Assert.True(pair.Attempt <= 1, $"{pair}"));
    }

    private static async Task<PairResult[]> JoinAllAsync(Neighbourhood neighbourhood, Dictionary<string, HostProcess> peers)
    {
        using var slots = new SemaphoreSlim(AtOnce);
        async Task<PairResult> JoinAsync(int from, int to)
        {
            await slots.WaitAsync();
            Task<PairResult> join;
            try
            {
                join = neighbourhood.JoinAsync(peers[Host(from)], peers[Host(to + Types.Length)], DirectLimit);
                if (CanBeDirect(Types[from], Types[to]))
                {
                    await join; // the others take all their attempts: nobody waits for them
                }
            }
            finally
            {
                slots.Release();
            }

            return await join with { From = Types[from], To = Types[to] };
        }

        // Diagonal by diagonal: neighbours in this order share no peer.
        return await Task.WhenAll(
            from shift in Enumerable.Range(0, Types.Length)
            from i in Enumerable.Range(0, Types.Length)
            select JoinAsync(i, (i + shift) % Types.Length));
    }

    /// <summary>Both mappings endpoint-independent, or one side anybody can reach.</summary>
    private static bool CanBeDirect(string one, string other) =>
        (one != "symmetric" && other != "symmetric") || one is "open" or "full-cone" || other is "open" or "full-cone";

    private static char Site(int index) => (char)('A' + index);

    private static string Host(int index) => char.ToLowerInvariant(Site(index)) + "1";
}
