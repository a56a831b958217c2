using System.Globalization;
using System.Text.RegularExpressions;

namespace P2PLearn.NatLab.Tests;

/// <summary>What the laboratory can do besides NAT types: delay and loss, reboots, cuts, forwards, IPv6, and staying inside.</summary>
public sealed partial class LaboratoryTests
{
    [Fact]
    public async Task Everybody_reaches_whom_they_should_and_nothing_leads_out()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync(
            "--ipv6", "A=port-restricted", "B=symmetric", "C=full-cone", "D=address-restricted", "E=open", "F=firewall", "G=cgn", "H=routed");
        Assert.Contains(" 0 failed", await laboratory.RunAsync("check"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cable_that_leads_elsewhere_is_found()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=port-restricted");
        await laboratory.RunAsync("exec", "a1", "ip", "link", "add", "out", "type", "veth", "peer", "name", "other", "netns", "1");
        InvalidOperationException found = await Assert.ThrowsAsync<InvalidOperationException>(() => laboratory.RunAsync("check"));
        Assert.Contains("FAIL all cables of a1 end here", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delay_and_loss_are_as_set_and_change_while_running()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("--delay", "25", "A=port-restricted", "B=open");
        Assert.InRange(await RoundTripAsync(laboratory, "a1"), 50, 500); // two crossings
        await laboratory.RunAsync("shape", "--loss", "30");
        Assert.InRange(await LossAsync(laboratory, "a1"), 30, 72); // two crossings: 51 % expected of 200
        await laboratory.RunAsync("shape");
        Assert.Equal(0, await LossAsync(laboratory, "a1"));
    }

    [Fact]
    public async Task A_reboot_forgets_mappings_and_connections()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=full-cone", "B=port-restricted");
        Probe relay = await Probe.StartAsync(laboratory, "relay");
        await relay.BindUdpAsync(7000);
        foreach (string site in (string[])["A", "B"])
        {
            Probe inside = await Probe.StartAsync(laboratory, site.ToLowerInvariant() + "1");
            await inside.BindUdpAsync(4001);
            string mapped = await relay.UdpArrivesAsync(await inside.SendUdpAsync(4001, $"{relay.Address}:7000"));
            await inside.UdpArrivesAsync(await relay.SendUdpAsync(7000, mapped));
            Assert.Contains("dport=7000", await laboratory.RunAsync("conntrack", site), StringComparison.Ordinal);

            await laboratory.RunAsync("reboot", site);
            Assert.DoesNotContain("dport=7000", await laboratory.RunAsync("conntrack", site), StringComparison.Ordinal);
            string lost = await relay.SendUdpAsync(7000, mapped);
            await relay.UdpArrivesAsync(await inside.SendUdpAsync(4001, $"{relay.Address}:7000"));
            await inside.UdpArrivesAsync(await relay.SendUdpAsync(7000, mapped));
            Assert.False(inside.HasGot(lost));
        }
    }

    [Fact]
    public async Task What_is_cut_is_silent_until_it_is_healed()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=port-restricted");
        foreach (string name in (string[])["a1", "natA"])
        {
            await laboratory.RunAsync("cut", name);
            Assert.Equal(100, await LossAsync(laboratory, "a1", 2));
            await laboratory.RunAsync("heal", name);
            Assert.Equal(0, await LossAsync(laboratory, "a1", 2));
        }

        Assert.Equal(0, await LossAsync(laboratory, "a2", 2));
    }

    [Fact]
    public async Task A_forward_leads_to_its_host_survives_a_reboot_and_hairpins_only_where_asked()
    {
        foreach (bool hairpin in (bool[])[false, true])
        {
            await using Laboratory laboratory =
                await Laboratory.UpAsync([.. hairpin ? (string[])["--hairpin"] : [], "A=port-restricted"]);
            await laboratory.RunAsync("forward", "A", "4001", "a2");
            await laboratory.RunAsync("reboot", "A");
            Probe inside = await Probe.StartAsync(laboratory, "a2");
            Probe neighbour = await Probe.StartAsync(laboratory, "a1");
            Probe stranger = await Probe.StartAsync(laboratory, "pub2");
            await inside.ListenTcpAsync(4001);
            string forwarded = $"{laboratory["natA"].Address}:4001";
            await stranger.DialTcpAsync(5000, forwarded, answered: true);
            await neighbour.DialTcpAsync(5000, forwarded, answered: hairpin);
        }
    }

    [Fact]
    public async Task A_type_changes_while_running()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=symmetric");
        Probe relay = await Probe.StartAsync(laboratory, "relay");
        Probe inside = await Probe.StartAsync(laboratory, "a1");
        await relay.BindUdpAsync(7000);
        await inside.BindUdpAsync(4001);
        string nat = laboratory["natA"].Address;
        Assert.NotEqual($"{nat}:4001", await relay.UdpArrivesAsync(await inside.SendUdpAsync(4001, $"{relay.Address}:7000")));
        await laboratory.RunAsync("nat", "A", "port-restricted");
        Assert.Equal($"{nat}:4001", await relay.UdpArrivesAsync(await inside.SendUdpAsync(4001, $"{relay.Address}:7000")));
    }

    [Fact]
    public async Task IPv6_is_routed_and_a_firewall_drops_what_nobody_asked_for()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("--ipv6", "A=port-restricted", "B=firewall", "C=cgn", "D=open");
        Probe relay = await Probe.StartAsync(laboratory, "relay");
        await relay.ListenTcpAsync(7000);
        int index = 0;
        foreach (string host in (string[])["a1", "b1", "c1", "d1"])
        {
            Probe inside = await Probe.StartAsync(laboratory, host);
            await inside.ListenTcpAsync(4001);
            await inside.DialTcpAsync(4001, $"[{relay.Address6}]:7000", answered: true);
            Assert.Equal($"[{inside.Address6}]:4001", await relay.AcceptedAsync(7000, index++));
            await relay.DialTcpAsync(7001, $"[{inside.Address6}]:4001", answered: host == "d1");
        }
    }

    [Fact]
    public async Task Two_laboratories_at_once_and_down_takes_everything_along()
    {
        Laboratory one = await Laboratory.UpAsync("--delay", "5", "A=port-restricted");
        Laboratory two = await Laboratory.UpAsync("A=symmetric");
        Assert.Equal("symmetric\n", await two.RunAsync("type", "A"));
        Assert.Equal("port-restricted\n", await one.RunAsync("type", "A"));
        await one.StartProbeAsync("a1");
        await one.DisposeAsync();
        Assert.False(one.HasNamespaces);
        Assert.True(two.HasNamespaces);
        await two.DisposeAsync();
        Assert.False(two.HasNamespaces);
    }

    [Fact]
    public async Task A_wrong_specification_is_refused_in_a_line()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=port-restricted");
        (string[] Arguments, string Reason)[] wrong =
        [
            (["up", "A=round"], "unknown type 'round'"),
            (["up", "a1=open"], "not SITE=TYPE"),
            (["up", "A=open", "A=open"], "site A twice"),
            (["up", "--delay", "slow", "A=open"], "--delay needs a number"),
            (["exec", "b1", "true"], "unknown host 'b1'"),
            (["nat", "A", "firewall"], "unknown type 'firewall'"),
            (["reboot", "B"], "unknown site 'B'"),
            (["frobnicate"], "unknown command"),
        ];
        foreach ((string[] arguments, string reason) in wrong)
        {
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => laboratory.RunAsync(arguments));
            Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        }

        Assert.True(laboratory.HasNamespaces); // a refused `up` leaves what is up alone
    }

    private static async Task<double> RoundTripAsync(Laboratory laboratory, string host) =>
        Number(Average().Match(await PingAsync(laboratory, host, 5)));

    private static async Task<double> LossAsync(Laboratory laboratory, string host, int count = 200) =>
        Number(Lost().Match(await PingAsync(laboratory, host, count)));

    /// <summary>ping ends with 1 when nothing came back, which is an answer too.</summary>
    private static Task<string> PingAsync(Laboratory laboratory, string host, int count) => laboratory.RunAsync(
        "exec", host, "sh", "-c", $"ping -q -c {count} -i 0.005 -W 1 {laboratory["relay"].Address} || true");

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"min/avg/max\S* = [\d.]+/([\d.]+)/")]
    private static partial Regex Average();

    [GeneratedRegex(@"([\d.]+)% packet loss")]
    private static partial Regex Lost();
}
