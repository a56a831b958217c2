using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>What real daemons find out about the NAT that they are behind, with three public members to ask.</summary>
public sealed class NatVerdictTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly (string Host, string Type, string State, string Mapping, string Filtering)[] Sites =
    [
        ("a1", "full-cone", "reachable", "endpoint-independent", "endpoint-independent"),
        ("b1", "address-restricted", "relayed", "endpoint-independent", "unknown or endpoint-dependent"), // those who come to test it have mostly been talked to, so are let in
        ("c1", "port-restricted", "relayed", "endpoint-independent", "endpoint-dependent"),
        ("d1", "symmetric", "relayed", "endpoint-dependent", "unknown"), // no address of it that could be tested
        ("e1", "firewall", "relayed", "none", "endpoint-dependent"),
        ("f1", "open", "reachable", "none", "endpoint-independent"),
        ("g1", "cgn", "relayed", "endpoint-independent", "endpoint-dependent"),
    ];

    [Fact]
    public async Task Each_node_finds_out_what_it_is_behind_and_what_would_help()
    {
        await using LabDaemons daemons = new(await Laboratory.UpAsync(
            ["--hosts", "1", "--delay", "10", .. Sites.Select((site, i) => $"{(char)('A' + i)}={site.Type}")]));
        await daemons.StartAsync("relay");
        await Task.WhenAll(((string[])["pub2", "pub3"]).Select(host => daemons.StartAsync(host))); // the relay has somebody to have a dial-back made by
        await daemons.StartAsync("a1");
        await SettledAsync(daemons, "a1", (Sites[0].State, Sites[0].Mapping, Sites[0].Filtering)); // while there are those whom it has not dialled
        await Task.WhenAll(Sites[1..].Select(site => daemons.StartAsync(site.Host)));

        foreach ((string host, string type, string state, string mapping, string filtering) in Sites)
        {
            JsonObject view = await SettledAsync(daemons, host, (state, mapping, filtering));
            output.WriteLine($"{type}: {state}, mapping {mapping}, filtering {filtering}; {string.Join("; ", view["remedies"]!.AsArray())}");
            Assert.Equal(state == "relayed", view["remedies"]!.AsArray().Count > 0);
            Assert.Equal(state == "relayed", view["relays"]!.AsArray().Count > 0);
        }
    }

    private static async Task<JsonObject> SettledAsync(LabDaemons daemons, string host, (string State, string Mapping, string Filtering) verdict)
    {
        for (long start = TimeProvider.System.GetTimestamp(); ;)
        {
            JsonObject view = await daemons.NatAsync(host);
            bool isRight = (verdict.State, verdict.Mapping) == ((string)view["state"]!, (string)view["mapping"]!)
                && verdict.Filtering.Split(" or ").Contains((string)view["filtering"]!);
            if (isRight || TimeProvider.System.GetElapsedTime(start) > Limit)
            {
                Assert.True(isRight, $"{host}: {view.ToJsonString()}");
                return view;
            }

            await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
        }
    }
}
