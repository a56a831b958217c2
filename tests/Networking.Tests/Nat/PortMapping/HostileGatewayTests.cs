using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.Networking.Nat.PortMapping.Upnp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>Gateways, and others in the local network, that mean harm or are broken.</summary>
public sealed class HostileGatewayTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Datagrams_that_are_no_answer_are_passed_over_until_the_answer_comes()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true };
        gateway.Datagrams = (request, answer) =>
        [
            [],
            [0xFF],
            [.. answer![..10]],
            With(answer, 0, 3), // another version
            With(answer, 1, 0x85), // another opcode
            With(answer, 1, request[1]), // our own request
            With(answer, Math.Min(24, answer.Length - 1), 0xEE, answer.Length > 24), // another nonce
            [.. answer, .. new byte[GatewayDatagrams.MaxMessageBytes]], // too long
            answer,
        ];
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.Equal(gateway.External, (await mapper.MappedAsync()).ExternalAddress);
    }

    [Fact]
    public async Task An_answer_from_another_port_or_host_is_not_seen()
    {
        using var gateway = new UdpClient(new IPEndPoint(FakeGateway.Address, 0));
        using var rogue = new UdpClient(new IPEndPoint(FakeGateway.Address, 0));
        var options = new PortMapperOptions { PcpPort = ((IPEndPoint)gateway.Client.LocalEndPoint!).Port, FirstRetryPause = TimeSpan.FromSeconds(30) };
        List<byte> heard = [];
        Task<byte> asking = AskAsync(Context(options), heard);
        UdpReceiveResult request = await gateway.ReceiveAsync().Time();
        await rogue.SendAsync(new byte[] { 66 }, request.RemoteEndPoint);
        await gateway.SendAsync(new byte[] { 1 }, request.RemoteEndPoint);
        Assert.Equal(1, await asking.Time());
        Assert.Equal([(byte)1], heard);
    }

    private static async Task<byte> AskAsync(GatewayContext context, List<byte> heard) =>
        (await new GatewayDatagrams(context).AskAsync<byte>(
            _ => [7],
            (ReadOnlySpan<byte> datagram, out byte first) =>
            {
                first = datagram[0];
                heard.Add(first);
                return true;
            },
            CancellationToken.None))!.Value;

    [Theory]
    [InlineData(0u)]
    [InlineData(5u)]
    public async Task A_lifetime_of_next_to_nothing_is_a_refusal(uint lifetime)
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true, Lifetime = lifetime };
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.Equal($"gateway 127.0.0.1 refused: PCP: granted for {lifetime} s only", await mapper.ProblemAsync("refused"));
    }

    [Fact]
    public async Task An_absurd_lifetime_is_cut_to_a_day()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksNatPmp = true, Lifetime = uint.MaxValue };
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.Equal(_time.GetUtcNow().AddDays(1), (await mapper.MappedAsync()).Expires);
    }

    [Fact]
    public async Task A_search_answer_that_is_too_long_is_passed_over()
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        string padding = new('x', gateway.Options.MaxSsdpAnswerBytes);
        gateway.SearchAnswers = _ => [[.. gateway.SearchAnswer()[..^2], .. Encoding.ASCII.GetBytes($"X: {padding}\r\n\r\n")]];
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(200) });
        await mapper.ProblemAsync("did not answer UPnP");
        Assert.DoesNotContain("description", gateway.Log);
    }

    [Theory]
    [InlineData("http://127.0.0.2:{0}/rootDesc.xml")]
    [InlineData("http://localhost:{0}/rootDesc.xml")]
    [InlineData("https://127.0.0.1:{0}/rootDesc.xml")]
    [InlineData("http://a@127.0.0.1:{0}/rootDesc.xml")]
    public async Task A_search_answer_cannot_make_us_fetch_from_elsewhere(string location)
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        using var elsewhere = new TcpListener(IPAddress.Any, 0);
        elsewhere.Start();
        int port = ((IPEndPoint)elsewhere.LocalEndpoint).Port;
        gateway.SearchAnswers = _ => [gateway.SearchAnswer(string.Format(System.Globalization.CultureInfo.InvariantCulture, location, port))];
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(200) });
        await mapper.ProblemAsync("did not answer UPnP");
        Assert.False(elsewhere.Pending(), "nobody came");
    }

    [Fact]
    public async Task A_search_answer_of_another_host_is_passed_over()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux has all of 127/8");
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        using var rogue = new UdpClient(new IPEndPoint(IPAddress.Parse("127.0.0.3"), 0));
        gateway.SearchAnswers = _ =>
        {
            byte[] forged = gateway.SearchAnswer();
            rogue.Send(forged, forged.Length, (IPEndPoint)gateway.Asker!);
            return [];
        };
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(200) });
        await mapper.ProblemAsync("did not answer UPnP");
        Assert.Contains("search", gateway.Log);
        Assert.DoesNotContain("description", gateway.Log);
    }

    [Fact]
    public async Task Only_a_few_search_answers_are_looked_into()
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        int number = 0;
        int fetched = 0;
        gateway.SearchAnswers = _ => Enumerable.Range(0, 50).Select(_ => gateway.SearchAnswer($"http://127.0.0.1:{gateway.HttpPort}/{number++}"));
        gateway.Http = (_, _) =>
        {
            Interlocked.Increment(ref fetched);
            return FakeGateway.HttpAnswer("<root/>");
        };
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromSeconds(1) });
        await mapper.ProblemAsync("did not answer UPnP");
        Assert.InRange(fetched, 1, gateway.Options.MaxSsdpAnswers);
    }

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{0}/rootDesc.xml\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n<root>")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nnot gzip, twenty byt")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n<root>")]
    [InlineData("garbage\r\n\r\n")]
    [InlineData("")]
    public async Task A_description_that_is_none_is_passed_over(string answer)
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        int redirected = 0;
        gateway.Http = (path, _) =>
        {
            redirected += path == "/rootDesc.xml" ? 0 : 1;
            return Encoding.ASCII.GetBytes(answer.Replace("{0}", $"{gateway.HttpPort}/other", StringComparison.Ordinal));
        };
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(300) });
        await mapper.ProblemAsync("did not answer UPnP");
        Assert.Equal(0, redirected);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_document_beyond_the_limit_is_not_read_to_its_end(bool declared)
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        PortMapperOptions options = gateway.Options with { MaxDescriptionBytes = 1_000 };
        gateway.Http = (_, _) => Document(1_001, declared);
        using UpnpHttp http = Http(options);
        Assert.Null(await http.GetAsync(new Uri(gateway.Location), options.MaxDescriptionBytes, CancellationToken.None).Time());
        gateway.Http = (_, _) => Document(1_000, declared);
        Assert.Equal(1_000, (await http.GetAsync(new Uri(gateway.Location), options.MaxDescriptionBytes, CancellationToken.None).Time())?.Length);
    }

    [Fact]
    public async Task A_SOAP_answer_beyond_the_limit_is_no_answer()
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        gateway.Http = (path, _) => path == "/ctl" ? Document(gateway.Options.MaxSoapAnswerBytes + 1, declared: false) : null;
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(300) });
        await mapper.ProblemAsync("UPnP: no answer");
    }

    [Fact]
    public async Task A_gateway_that_drips_its_answer_is_left_at_the_deadline()
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        using UpnpHttp http = Http(gateway.Options with { HttpTimeout = TimeSpan.FromMilliseconds(100) });
        using var listener = new TcpListener(FakeGateway.Address, 0);
        listener.Start();
        var url = new Uri($"http://{listener.LocalEndpoint}/");
        Task<byte[]?> fetching = http.GetAsync(url, 1_000, CancellationToken.None);
        using TcpClient client = await listener.AcceptTcpClientAsync().Time();
        await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<"u8.ToArray());
        Assert.Null(await fetching.Time());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0.0.0.0")]
    [InlineData("11.1")]
    [InlineData("0x0b.1.1.1")]
    [InlineData("2001:db8::1")]
    [InlineData("router.example.org")]
    public async Task An_external_address_that_is_none_is_no_mapping(string address)
    {
        await using var gateway = new FakeGateway { SpeaksUpnp = true };
        gateway.Http = (_, body) => body.Contains("GetExternalIPAddress", StringComparison.Ordinal)
            ? FakeGateway.HttpAnswer($"<r><GetExternalIPAddressResponse><NewExternalIPAddress>{address}</NewExternalIPAddress></GetExternalIPAddressResponse></r>")
            : null;
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(300) });
        await mapper.ProblemAsync("has no public address");
        Assert.Empty(gateway.Mappings);
    }

    [Fact]
    public async Task A_port_that_is_none_is_a_refusal()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksUpnp = true, IgdVersion = 2 };
        gateway.TakenPorts.Add(4001);
        gateway.Http = (_, body) => body.Contains("AddAnyPortMapping", StringComparison.Ordinal)
            ? FakeGateway.HttpAnswer("<r><AddAnyPortMappingResponse><NewReservedPort>65536</NewReservedPort></AddAnyPortMappingResponse></r>")
            : null;
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromMilliseconds(300) });
        await mapper.ProblemAsync("UPnP: it granted no valid port");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_gateway_that_grants_and_loses_again_and_again_is_asked_at_intervals(int kind)
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = kind == 0, SpeaksNatPmp = kind == 1, SpeaksUpnp = kind == 2 };
        PortMapperOptions options = gateway.Options with { CheckInterval = TimeSpan.FromMinutes(2) };
        await using var mapper = new RunningMapper(options, _time);
        await mapper.MappedAsync();
        DateTimeOffset start = _time.GetUtcNow();
        for (int i = 0; i < 3; i++)
        {
            gateway.Restart();
            await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(30), () => gateway.Mappings.ContainsKey(4001), $"mapped again, {i}");
        }

        string map = kind switch { 0 => "pcp map", 1 => "pmp map", _ => "upnp AddPortMapping" };
        double intervals = (_time.GetUtcNow() - start) / options.CheckInterval;
        Assert.InRange(gateway.Log.Count(r => r.StartsWith(map, StringComparison.Ordinal)), 4, 2 + (int)intervals);
    }

    [Theory]
    [InlineData("0080000000000001" + "0b4d4315", true)]
    [InlineData("028000000000000000000001000000000000000000000000", true)]
    [InlineData("0082000000000E100FA10FA200001C20", false)]
    [InlineData("00", false)]
    public void Only_what_looks_like_an_announcement_is_one(string hex, bool isOne) =>
        Assert.Equal(isOne, RestartAnnouncements.IsAnnouncement(Convert.FromHexString(hex)));

    private static byte[] With(byte[] bytes, int at, byte value, bool change = true)
    {
        byte[] copy = [.. bytes];
        copy[at] = change ? value : copy[at];
        return change ? copy : [];
    }

    private static byte[] Document(int bytes, bool declared) => Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n" + (declared ? $"Content-Length: {bytes}\r\n\r\n" : "\r\n") + new string('x', bytes));

    private static UpnpHttp Http(PortMapperOptions options) => new(Context(options));

    private static GatewayContext Context(PortMapperOptions options) => new(
        FakeGateway.Address, options, TimeProvider.System, _ => { }, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
}
