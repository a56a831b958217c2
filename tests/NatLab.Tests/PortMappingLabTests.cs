using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>Port mapping against a router that many homes have: Debian's miniupnpd.</summary>
/// <remarks>The epochs of PCP and NAT-PMP count seconds and are compared with a tolerance of two, so a restart shows only when
/// the router has run for some seconds before.</remarks>
public sealed class PortMappingLabTests(PortMappingLabTests.Router router) : IClassFixture<PortMappingLabTests.Router>
{
    private const int Lifetime = 12; // seconds; a few, to see renewals

    /// <summary>One router for all tests, which map different ports. Short leases have to be allowed.</summary>
    public sealed class Router() : SharedLaboratory("A=port-restricted", "B=cgn")
    {
        private Task? _daemon;

        public async Task<Laboratory> WithDaemonAsync()
        {
            Assert.SkipUnless(File.Exists("/usr/sbin/miniupnpd"), "miniupnpd is missing (Debian: miniupnpd-nftables)");
            Laboratory laboratory = await GetAsync();
            await (_daemon ??= laboratory.RunAsync("upnp", "A", "min_lifetime=5"));
            return laboratory;
        }
    }

    [Theory]
    [InlineData("pcp", "Pcp", 4001)]
    [InlineData("natpmp", "NatPmp", 4002)]
    [InlineData("upnp", "Upnp", 4003)]
    [InlineData("all", "Pcp", 4004)]
    public async Task A_port_is_mapped_renewed_and_removed_at_exit(string asked, string granted, int port)
    {
        Laboratory laboratory = await router.WithDaemonAsync();
        Probe inside = await Probe.StartAsync(laboratory, "a1");
        Probe outside = await Probe.StartAsync(laboratory, "relay");
        await inside.ListenTcpAsync(port);
        string external = $"{laboratory["natA"].Address}:{port}";
        await outside.DialTcpAsync(port, external, answered: false);

        await using (HostProcess mapper = await laboratory.StartPortMapAsync("a1", asked, port, Lifetime))
        {
            JsonObject mapping = await mapper.EventAsync("mapping");
            Assert.Equal((granted, external), ((string?)mapping["protocol"], (string?)mapping["external"]));
            Assert.Contains(Rule(laboratory, port), await RulesAsync(laboratory), StringComparison.Ordinal);
            await outside.DialTcpAsync(port, external, answered: true);
            Assert.StartsWith(outside.Address, await inside.AcceptedAsync(port, 0), StringComparison.Ordinal);

            long expires = (long)mapping["expires"]!;
            await mapper.EventAsync(e => (string?)e["event"] == "mapping" && (long)e["expires"]! > expires + 1_000, "a renewal");
            Assert.Contains(Rule(laboratory, port), await RulesAsync(laboratory), StringComparison.Ordinal);
            Assert.DoesNotContain(mapper.Events, e => ((string?)e["text"])?.Contains("has lost", StringComparison.Ordinal) == true);
        }

        Assert.DoesNotContain(Rule(laboratory, port), await RulesAsync(laboratory), StringComparison.Ordinal);
        await outside.DialTcpAsync(port + 1_000, external, answered: false);
    }

    [Theory]
    [InlineData("pcp", 4011)]
    [InlineData("natpmp", 4012)]
    [InlineData("upnp", 4013)]
    public async Task A_router_that_reboots_maps_the_port_again(string asked, int port)
    {
        Laboratory laboratory = await router.WithDaemonAsync();
        await using HostProcess mapper = await laboratory.StartPortMapAsync("a1", asked, port, 3_600);
        await mapper.EventAsync("mapping");
        await Task.Delay(TimeSpan.FromSeconds(5)); // the router's age, which its epoch tells
        await laboratory.RunAsync("reboot", "A");
        await mapper.EventAsync(e => ((string?)e["text"])?.Contains("renewed at", StringComparison.Ordinal) == true, "asked anew");
        Assert.Contains(Rule(laboratory, port), await RulesAsync(laboratory), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_a_carriers_NAT_the_user_is_told_why()
    {
        Laboratory laboratory = await router.WithDaemonAsync();
        await laboratory.RunAsync("upnp", "B");
        await using HostProcess mapper = await laboratory.StartPortMapAsync("b1", "all", 4001, 3_600);
        JsonObject told = await mapper.EventAsync(
            e => (string?)e["event"] == "problem" && ((string?)e["text"])?.Contains("being asked", StringComparison.Ordinal) == false, "a problem");
        Assert.Contains("has no public address", (string)told["text"]!, StringComparison.Ordinal);
        Assert.DoesNotContain(mapper.Events, e => (string?)e["event"] == "mapping");
    }

    [Fact]
    public async Task A_host_without_a_gateway_is_told_so()
    {
        Laboratory laboratory = await router.WithDaemonAsync();
        await using HostProcess mapper = await laboratory.StartPortMapAsync("relay", "all", 4001, 3_600);
        await mapper.EventAsync(e => ((string?)e["text"])?.Contains("no IPv4 default gateway", StringComparison.Ordinal) == true, "no gateway");
    }

    private static string Rule(Laboratory laboratory, int port) => $"dport {port} dnat ip to {laboratory["a1"].Address}:{port}";

    private static Task<string> RulesAsync(Laboratory laboratory) =>
        laboratory.RunAsync("exec", "natA", "nft", "list", "chain", "inet", "upnp", "upnp_dnat");
}
