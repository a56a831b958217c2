namespace P2PLearn.NatLab.Tests;

/// <summary>That each type maps and filters as it says, in the words of RFC 4787, seen by bare sockets.</summary>
public sealed class NatTypeTests(NatTypeTests.Types types) : IClassFixture<NatTypeTests.Types>
{
    private static int _nextPort = 20_000; // each test its own: connections of others must not matter

    /// <summary>Endpoint-independent mapping keeps the port; a symmetric NAT takes another for every destination.</summary>
    public enum Mapping
    {
        None,
        EndpointIndependent,
        EveryDestination,
    }

    /// <summary>Who may send to a mapping: anybody, an address it has sent to, an address and port it has sent to.</summary>
    public enum Filtering
    {
        EndpointIndependent,
        Address,
        AddressAndPort,
    }

    public static TheoryData<string, Mapping, Filtering> All => new()
    {
        { "open", Mapping.None, Filtering.EndpointIndependent },
        { "routed", Mapping.None, Filtering.EndpointIndependent },
        { "full-cone", Mapping.EndpointIndependent, Filtering.EndpointIndependent },
        { "address-restricted", Mapping.EndpointIndependent, Filtering.Address },
        { "port-restricted", Mapping.EndpointIndependent, Filtering.AddressAndPort },
        { "symmetric", Mapping.EveryDestination, Filtering.AddressAndPort },
        { "firewall", Mapping.None, Filtering.AddressAndPort },
        { "cgn", Mapping.EndpointIndependent, Filtering.AddressAndPort },
        { "cgn/symmetric", Mapping.EveryDestination, Filtering.AddressAndPort },
        { "cgn/full-cone/full-cone", Mapping.EndpointIndependent, Filtering.EndpointIndependent },
    };

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_type_maps_UDP_as_it_says(string type, Mapping mapping, Filtering filtering)
    {
        _ = filtering;
        (Probe inside, Probe relay, Probe other, int port) = await PrepareAsync(type);
        List<string> seen =
        [
            await relay.UdpArrivesAsync(await inside.SendUdpAsync(port, $"{relay.Address}:{port}")),
            await relay.UdpArrivesAsync(await inside.SendUdpAsync(port, $"{relay.Address}:{port + 1}")),
            await other.UdpArrivesAsync(await inside.SendUdpAsync(port, $"{other.Address}:{port}")),
        ];
        await CheckMappingAsync(type, mapping, port, inside, seen);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_type_maps_TCP_as_it_says(string type, Mapping mapping, Filtering filtering)
    {
        _ = filtering;
        (Probe inside, Probe relay, Probe other, int port) = await PrepareAsync(type);
        await relay.ListenTcpAsync(port);
        await relay.ListenTcpAsync(port + 1);
        await other.ListenTcpAsync(port);
        await inside.DialTcpAsync(port, $"{relay.Address}:{port}", answered: true);
        await inside.DialTcpAsync(port, $"{relay.Address}:{port + 1}", answered: true);
        await inside.DialTcpAsync(port, $"{other.Address}:{port}", answered: true);
        List<string> seen =
            [await relay.AcceptedAsync(port, 0), await relay.AcceptedAsync(port + 1, 0), await other.AcceptedAsync(port, 0)];
        await CheckMappingAsync(type, mapping, port, inside, seen);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_type_filters_UDP_as_it_says(string type, Mapping mapping, Filtering filtering)
    {
        _ = mapping;
        (Probe inside, Probe relay, Probe other, int port) = await PrepareAsync(type);
        string mapped = await relay.UdpArrivesAsync(await inside.SendUdpAsync(port, $"{relay.Address}:{port}"));
        string fromStranger = await other.SendUdpAsync(port, mapped);
        string fromOtherPort = await relay.SendUdpAsync(port + 1, mapped);
        string answer = await relay.SendUdpAsync(port, mapped);
        await inside.UdpArrivesAsync(answer);
        await EchoedAsync(relay, inside, mapped, port); // anything sent before has arrived by now, or never will
        Assert.Equal(filtering == Filtering.EndpointIndependent, inside.HasGot(fromStranger));
        Assert.Equal(filtering != Filtering.AddressAndPort, inside.HasGot(fromOtherPort));
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_type_filters_TCP_as_it_says_and_drops_silently(string type, Mapping mapping, Filtering filtering)
    {
        _ = mapping;
        (Probe inside, Probe relay, Probe other, int port) = await PrepareAsync(type);
        await relay.ListenTcpAsync(port);
        await inside.ListenTcpAsync(port);
        await inside.DialTcpAsync(port, $"{relay.Address}:{port}", answered: true);
        string mapped = await relay.AcceptedAsync(port, 0);
        await Task.WhenAll(
            other.DialTcpAsync(port + 2, mapped, answered: filtering == Filtering.EndpointIndependent),
            relay.DialTcpAsync(port + 2, mapped, answered: filtering != Filtering.AddressAndPort));
    }

    [Theory]
    [InlineData("full-cone")]
    [InlineData("symmetric")]
    [InlineData("firewall")]
    [InlineData("cgn/full-cone/full-cone")]
    public async Task A_port_that_nobody_has_used_is_silent(string type)
    {
        Laboratory laboratory = await types.GetAsync();
        (Probe inside, _, Probe other, int port) = await PrepareAsync(type);
        string gate = type == "firewall" ? inside.Address : laboratory[Types.Router(type)].Address;
        await other.DialTcpAsync(port, $"{gate}:{port + 3}", answered: false);
    }

    [Theory]
    [InlineData("port-restricted", "firewall", true)]
    [InlineData("port-restricted", "cgn", true)]
    [InlineData("address-restricted", "port-restricted", true)]
    [InlineData("port-restricted", "symmetric", false)]
    public async Task Two_SYNs_that_cross_join_when_both_ports_can_be_known(string type, string otherType, bool joined)
    {
        Laboratory laboratory = await types.GetAsync();
        (Probe one, _, _, int port) = await PrepareAsync(type);
        Probe two = await types.ProbeAsync(Types.Host(otherType));
        string at = laboratory[Types.Router(type)].Address;
        string otherAt = otherType == "firewall" ? two.Address : laboratory[Types.Router(otherType)].Address;
        await Task.WhenAll(
            one.DialTcpAsync(port, $"{otherAt}:{port}", joined), two.DialTcpAsync(port, $"{at}:{port}", joined));
    }

    private static async Task EchoedAsync(Probe relay, Probe inside, string mapped, int port)
    {
        await relay.UdpArrivesAsync(await inside.SendUdpAsync(port, $"{relay.Address}:{port}"));
        await inside.UdpArrivesAsync(await relay.SendUdpAsync(port, mapped));
    }

    private async Task CheckMappingAsync(string type, Mapping mapping, int port, Probe inside, List<string> seen)
    {
        Laboratory laboratory = await types.GetAsync();
        string outer = mapping == Mapping.None ? inside.Address : laboratory[Types.Router(type)].Address;
        Assert.All(seen, at => Assert.StartsWith(outer + ":", at, StringComparison.Ordinal));
        if (mapping == Mapping.EveryDestination)
        {
            Assert.Equal(seen.Count, seen.Distinct().Count());
        }
        else
        {
            Assert.All(seen, at => Assert.Equal($"{outer}:{port}", at));
        }
    }

    /// <summary>Sockets at the first host of a site and at two public hosts, each with the UDP ports of this test.</summary>
    private async Task<(Probe Inside, Probe Relay, Probe Other, int Port)> PrepareAsync(string type)
    {
        int port = Interlocked.Add(ref _nextPort, 10);
        if (type == "address-restricted")
        {
            // Its router lets in whom any test before has sent to.
            await (await types.GetAsync()).RunAsync("reboot", Types.Site(type).ToString());
        }

        Probe inside = await types.ProbeAsync(Types.Host(type));
        Probe relay = await types.ProbeAsync("relay");
        Probe other = await types.ProbeAsync("pub2");
        foreach (Probe probe in (Probe[])[inside, relay, other])
        {
            await probe.BindUdpAsync(port);
            await probe.BindUdpAsync(port + 1);
        }

        return (inside, relay, other, port);
    }

    /// <summary>One site of each type.</summary>
    public sealed class Types() : SharedLaboratory([.. All.Select((row, i) => $"{(char)('A' + i)}={row.Data.Item1}")])
    {
        private readonly Dictionary<string, Probe> _probes = [];

        public static string Host(string type) => char.ToLowerInvariant(Site(type)) + "1";

        /// <summary>The router whose outer address the world sees.</summary>
        public static string Router(string type) => (type.StartsWith("cgn", StringComparison.Ordinal) ? "cgn" : "nat") + Site(type);

        public async Task<Probe> ProbeAsync(string host)
        {
            if (!_probes.TryGetValue(host, out Probe? probe))
            {
                _probes[host] = probe = await Probe.StartAsync(await GetAsync(), host);
            }

            return probe;
        }

        public static char Site(string type) => (char)('A' + All.Select(row => row.Data.Item1).ToList().IndexOf(type));
    }
}
