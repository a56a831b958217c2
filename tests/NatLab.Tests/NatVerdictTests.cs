using System.Text.Json.Nodes;
using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.NatLab.Tests;

/// <summary>What real daemons find out about the NAT that they are behind, with three public members to ask.</summary>
public sealed class NatVerdictTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly (string Host, string Type, string State, string Mapping, string Filtering)[] Sites =
    [
        ("a1", "full-cone", "reachable", "endpoint-independent", "endpoint-independent"),
        ("b1", "address-restricted", "relayed", "endpoint-independent", "unknown"), // who could test it has been talked to, so is let in
        ("c1", "port-restricted", "relayed", "endpoint-independent", "endpoint-dependent"),
        ("d1", "symmetric", "relayed", "endpoint-dependent", "unknown"), // no address of it that could be tested
        ("e1", "firewall", "relayed", "none", "endpoint-dependent"),
        ("f1", "open", "reachable", "none", "endpoint-independent"),
        ("g1", "cgn", "relayed", "endpoint-independent", "endpoint-dependent"),
    ];

    [Fact]
    public async Task Each_node_finds_out_what_it_is_behind_and_what_would_help()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync(
            ["--hosts", "1", "--delay", "10", .. Sites.Select((site, i) => $"{(char)('A' + i)}={site.Type}")]);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("p2plearn-verdict-");
        string mesh = "lab:" + MeshKey.Generate();
        List<HostProcess> daemons = [];
        try
        {
            HostProcess founder = Start("relay", "--found");
            JsonObject listening = await founder.EventAsync(
                e => (string?)e["event"] == "listening" && ((string)e["address"]!).Contains(laboratory["relay"].Address, StringComparison.Ordinal), "the founder listens", Limit);
            foreach (string host in (string[])["pub2", "pub3", .. Sites.Select(site => site.Host)])
            {
                Start(host, "--seed", (string)listening["address"]!);
            }

            await Task.WhenAll(daemons.Select(daemon => daemon.EventAsync(e => (string?)e["event"] == "listening", "it listens", Limit)));
            foreach ((string host, string type, string state, string mapping, string filtering) in Sites)
            {
                JsonObject view = await NatAsync(host, v => (state, mapping, filtering) == ((string)v["state"]!, (string)v["mapping"]!, (string)v["filtering"]!));
                output.WriteLine($"{type}: {state}, mapping {mapping}, filtering {filtering}; {string.Join("; ", view["remedies"]!.AsArray())}");
                Assert.Equal(state == "relayed", view["remedies"]!.AsArray().Count > 0);
                Assert.Equal(state == "relayed", view["relays"]!.AsArray().Count > 0);
            }
        }
        finally
        {
            daemons.ForEach(daemon => daemon.Kill());
            await laboratory.DisposeAsync(); // before their folders go
            folder.Delete(recursive: true);
        }

        HostProcess Start(string host, params string[] how)
        {
            HostProcess daemon = laboratory.StartProgram(
                host, [Program, "node", "--data-dir", Path.Combine(folder.FullName, host), "--listen", "/ip4/0.0.0.0/tcp/4001", "--mesh", mesh, "--json", .. how]);
            daemons.Add(daemon);
            return daemon;
        }

        async Task<JsonObject> NatAsync(string host, Func<JsonObject, bool> isRight)
        {
            for (long start = TimeProvider.System.GetTimestamp(); ;)
            {
                await using HostProcess nat = laboratory.StartProgram(host, Program, "nat", "--json", "--data-dir", Path.Combine(folder.FullName, host));
                JsonObject view = await nat.EventAsync(_ => true, "the view", Limit);
                if (isRight(view) || TimeProvider.System.GetElapsedTime(start) > Limit)
                {
                    Assert.True(isRight(view), $"{host}: {view.ToJsonString()}");
                    return view;
                }

                await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
            }
        }
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "p2plearn");
}
