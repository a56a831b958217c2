using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>A home router on loopback: real UDP and HTTP sockets, one mapping table for PCP, NAT-PMP and UPnP. Written from
/// the RFCs' diagrams, not with the codecs under test.</summary>
internal sealed class FakeGateway : IAsyncDisposable
{
    public static readonly IPAddress Address = IPAddress.Loopback;

    private readonly TimeProvider _time;
    private readonly Socket _pcp = Bind();
    private readonly Socket _ssdp = Bind();
    private readonly TcpListener _http = new(Address, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _loops;
    private readonly ConcurrentQueue<string> _log = new();
    private DateTimeOffset _booted;

    public FakeGateway(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _booted = _time.GetUtcNow().AddDays(-1);
        _http.Start();
        _loops = [DatagramsAsync(_pcp, OnPcpOrNatPmp), DatagramsAsync(_ssdp, OnSearch), HttpAsync()];
    }

    public bool SpeaksPcp { get; init; }

    public bool SpeaksNatPmp { get; init; }

    public bool SpeaksUpnp { get; init; }

    public IPAddress External { get; set; } = IPAddress.Parse("11.77.67.21");

    /// <summary>Ports that belong to somebody else.</summary>
    public HashSet<int> TakenPorts { get; } = [];

    /// <summary>NAT-PMP and PCP results for requests to map; 0: do it.</summary>
    public byte Result { get; set; }

    /// <summary>The UPnP error for requests to map; 0: do it.</summary>
    public int UpnpError { get; set; }

    public bool OnlyPermanentLeases { get; init; }

    public int IgdVersion { get; init; } = 1;

    /// <summary>Grants this many seconds instead of what is asked for.</summary>
    public uint? Lifetime { get; init; }

    /// <summary>What is sent for a datagram instead of the answer.</summary>
    public Func<byte[], byte[]?, IEnumerable<byte[]>>? Datagrams { get; set; }

    /// <summary>What is sent for a search instead of the answer.</summary>
    public Func<string, IEnumerable<byte[]>>? SearchAnswers { get; set; }

    /// <summary>Who asked last by datagram.</summary>
    public EndPoint? Asker { get; private set; }

    /// <summary>What is answered over HTTP (path, body) instead of the answer: the whole text, headers included.</summary>
    public Func<string, string, byte[]?>? Http { get; set; }

    /// <summary>Does not answer anything.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Internal port by external port.</summary>
    public ConcurrentDictionary<int, int> Mappings { get; } = new();

    /// <summary>What it was asked, in order: <c>pcp map 4001 4001 7200</c>.</summary>
    public IReadOnlyList<string> Log => [.. _log];

    public int HttpPort => ((IPEndPoint)_http.LocalEndpoint).Port;

    public EndPoint PcpEndPoint => _pcp.LocalEndPoint!;

    public string Location => $"http://{Address}:{HttpPort}/rootDesc.xml";

    /// <summary>Options for a mapper that asks this gateway only.</summary>
    /// <remarks>In virtual time its exchanges have no end: a test that lets an hour pass would cut them short.</remarks>
    public PortMapperOptions Options => _time == TimeProvider.System ? Addressed : Addressed with
    {
        FirstRetryPause = TimeSpan.FromDays(7),
        MaxTries = 1,
        HttpTimeout = TimeSpan.FromDays(7),
        ReleaseTimeout = TimeSpan.FromDays(7),
    };

    private PortMapperOptions Addressed => new()
    {
        Gateways = [Address],
        PcpPort = ((IPEndPoint)_pcp.LocalEndPoint!).Port,
        SsdpPort = ((IPEndPoint)_ssdp.LocalEndPoint!).Port,
        AnnouncementPort = 0,
        EnablePcp = SpeaksPcp,
        EnableNatPmp = SpeaksNatPmp,
        EnableUpnp = SpeaksUpnp,
    };

    private uint Epoch => (uint)(_time.GetUtcNow() - _booted).TotalSeconds;

    /// <summary>Loses everything and begins to count anew.</summary>
    public void Restart()
    {
        Mappings.Clear();
        _booted = _time.GetUtcNow();
    }

    /// <summary>Sends a datagram from the port on which it answers.</summary>
    public void Announce(int port) => _pcp.SendTo([0, 0x80, 0, 0, 0, 0, 0, 0, .. External.GetAddressBytes()], new IPEndPoint(Address, port));

    public Task AskedAsync(string request, int times = 1) =>
        Within.UntilAsync(() => _log.Count(r => r.StartsWith(request, StringComparison.Ordinal)) >= times, $"{times} × {request}; got: {string.Join(", ", _log)}");

    public static byte[] HttpAnswer(string body, string status = "200 OK") => Encoding.UTF8.GetBytes(
        $"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");

    public byte[] SearchAnswer(string? location = null) => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nEXT:\r\nLOCATION: {location ?? Location}\r\n\r\n");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        _pcp.Dispose();
        _ssdp.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(Address, 0));
        return socket;
    }

    private async Task DatagramsAsync(Socket socket, Func<byte[], IEnumerable<byte[]>> answers)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                Asker = got.RemoteEndPoint;
                foreach (byte[] answer in IsSilent ? [] : answers(buffer[..got.ReceivedBytes]))
                {
                    await socket.SendToAsync(answer, got.RemoteEndPoint);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private IEnumerable<byte[]> OnPcpOrNatPmp(byte[] request)
    {
        byte[]? answer = request[0] switch
        {
            2 when SpeaksPcp => Pcp(request),
            2 when SpeaksNatPmp => [0, (byte)(request[1] | 0x80), 0, 1, 0, 0, 0, 0],
            0 when SpeaksNatPmp => NatPmp(request),
            _ => null,
        };
        return Datagrams is null ? answer is null ? [] : [answer] : Datagrams(request, answer);
    }

    private byte[] Pcp(byte[] request)
    {
        byte[] answer = [.. request];
        answer[1] |= 0x80;
        answer.AsSpan(8, 16).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), Epoch);
        if (request[1] == 0)
        {
            _log.Enqueue("pcp announce");
            return answer;
        }

        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(4));
        int inside = BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(40));
        int wanted = BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(42));
        _log.Enqueue($"pcp map {inside} {wanted} {lifetime}");
        answer[3] = lifetime == 0 ? (byte)0 : Result;
        int outside = Map(inside, wanted, lifetime);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), lifetime == 0 ? 0 : Lifetime ?? lifetime);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), (ushort)outside);
        External.MapToIPv6().TryWriteBytes(answer.AsSpan(44), out _);
        return answer;
    }

    private byte[] NatPmp(byte[] request)
    {
        byte[] answer = new byte[request[1] == 0 ? 12 : 16];
        answer[1] = (byte)(request[1] | 0x80);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), Epoch);
        if (request[1] == 0)
        {
            _log.Enqueue("pmp address");
            External.TryWriteBytes(answer.AsSpan(8), out _);
            return answer;
        }

        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(8));
        int inside = BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(4));
        int wanted = BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(6));
        _log.Enqueue($"pmp map {inside} {wanted} {lifetime}");
        answer[3] = lifetime == 0 ? (byte)0 : Result;
        int outside = Map(inside, wanted, lifetime);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(8), (ushort)inside);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(10), (ushort)(lifetime == 0 ? 0 : outside));
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(12), lifetime == 0 ? 0 : Lifetime ?? lifetime);
        return answer;
    }

    // Takes another port when the wanted one is taken; a lifetime of 0 removes.
    private int Map(int inside, int wanted, uint lifetime)
    {
        foreach (int port in Mappings.Where(m => m.Value == inside && (lifetime == 0 || m.Key != wanted)).Select(m => m.Key))
        {
            Mappings.TryRemove(port, out _);
        }

        if (lifetime == 0 || Result != 0)
        {
            return wanted;
        }

        int outside = TakenPorts.Contains(wanted) ? wanted + 1000 : wanted;
        Mappings[outside] = inside;
        return outside;
    }

    private IEnumerable<byte[]> OnSearch(byte[] request)
    {
        string text = Encoding.ASCII.GetString(request);
        _log.Enqueue("search");
        return SearchAnswers is not null ? SearchAnswers(text)
            : SpeaksUpnp && text.Contains("InternetGatewayDevice:1", StringComparison.Ordinal) ? [SearchAnswer()]
            : [];
    }

    private async Task HttpAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _http.AcceptTcpClientAsync(_stop.Token);
                await ServeAsync(client.GetStream());
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        try
        {
            (string path, string action, string body) = await ReadRequestAsync(stream, _stop.Token);
            byte[]? answer = IsSilent ? null : Http?.Invoke(path, body) ?? Answer(path, action, body);
            if (answer is null)
            {
                return;
            }

            await stream.WriteAsync(answer, _stop.Token);
            stream.Socket.Shutdown(SocketShutdown.Send);
            await stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, _stop.Token); // until the client has read it all
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The client has gone.
        }
    }

    private static async Task<(string Path, string Action, string Body)> ReadRequestAsync(Stream stream, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (true)
        {
            int count = await stream.ReadAsync(buffer, cancellationToken);
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
            string all = text.ToString();
            int end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && all.Length - end - 4 >= Length(all[..end]))
            {
                return (all.Split(' ')[1], Header(all[..end], "SOAPAction").Trim('"').Split('#')[^1], all[(end + 4)..]);
            }

            if (count == 0)
            {
                throw new IOException("the request is not whole");
            }
        }
    }

    private static int Length(string headers) =>
        int.TryParse(Header(headers, "Content-Length"), CultureInfo.InvariantCulture, out int length) ? length : 0;

    private static string Header(string headers, string name) =>
        headers.Split("\r\n").FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim() ?? "";

    private byte[] Answer(string path, string action, string body)
    {
        if (path == "/rootDesc.xml")
        {
            _log.Enqueue("description");
            return HttpAnswer(
                "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><serviceList><service>"
                + $"<serviceType>urn:schemas-upnp-org:service:WANIPConnection:{IgdVersion}</serviceType><controlURL>/ctl</controlURL>"
                + "</service></serviceList></device></root>");
        }

        int outside = int.TryParse(Argument(body, "NewExternalPort"), CultureInfo.InvariantCulture, out int port) ? port : 0;
        _log.Enqueue($"upnp {action} {outside} {Argument(body, "NewLeaseDuration")}".Trim());
        return action switch
        {
            "GetExternalIPAddress" => Done(action, $"<NewExternalIPAddress>{External}</NewExternalIPAddress>"),
            "AddPortMapping" => Add(action, body, outside),
            "AddAnyPortMapping" => Add(action, body, TakenPorts.Contains(outside) ? outside + 1000 : outside),
            "DeletePortMapping" => Mappings.TryRemove(outside, out _) ? Done(action, "") : Fault(714),
            "GetSpecificPortMappingEntry" => Mappings.TryGetValue(outside, out int inside)
                ? Done(action, $"<NewInternalPort>{inside}</NewInternalPort><NewInternalClient>{Address}</NewInternalClient><NewEnabled>1</NewEnabled>")
                : Fault(714),
            _ => Fault(401),
        };
    }

    private byte[] Add(string action, string body, int outside)
    {
        if (UpnpError != 0)
        {
            return Fault(UpnpError);
        }

        if (OnlyPermanentLeases && Argument(body, "NewLeaseDuration") != "0")
        {
            return Fault(725);
        }

        if (TakenPorts.Contains(outside))
        {
            return Fault(718);
        }

        Mappings[outside] = int.Parse(Argument(body, "NewInternalPort"), CultureInfo.InvariantCulture);
        return Done(action, $"<NewReservedPort>{outside}</NewReservedPort>");
    }

    private static string Argument(string body, string name)
    {
        int start = body.IndexOf($"<{name}>", StringComparison.Ordinal) + name.Length + 2;
        int end = body.IndexOf($"</{name}>", StringComparison.Ordinal);
        return end < 0 ? "" : body[start..end];
    }

    private static byte[] Done(string action, string values) => HttpAnswer(
        $"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:{action}Response xmlns:u=\"x\">{values}</u:{action}Response></s:Body></s:Envelope>");

    private static byte[] Fault(int code) => HttpAnswer(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
        + $"<detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>",
        "500 Internal Server Error");
}
