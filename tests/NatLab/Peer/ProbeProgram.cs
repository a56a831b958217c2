using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace P2PLearn.NatPeer;

/// <summary>Bare sockets, to see what a NAT does: <c>udp-bind PORT</c>, <c>udp-send PORT TO TEXT</c>, <c>tcp-listen PORT</c>,
/// <c>tcp-dial PORT TO MILLISECONDS</c> (from a port of our choice, which others may use too).</summary>
internal sealed class ProbeProgram(EventWriter events) : IDisposable
{
    private readonly ConcurrentDictionary<int, Socket> _udp = new();
    private readonly ConcurrentBag<Socket> _open = [];
    private readonly ConcurrentBag<Task> _tasks = [];
    private readonly CancellationTokenSource _closing = new();

    public static async Task RunAsync(EventWriter events)
    {
        using var probe = new ProbeProgram(events);
        events.Write("ready");
        await new CommandLoop(events, probe.CommandAsync).RunAsync(Console.In);
        await probe._closing.CancelAsync();
        await Task.WhenAll(probe._tasks);
    }

    public void Dispose()
    {
        foreach (Socket socket in _open)
        {
            socket.Dispose();
        }

        _closing.Dispose();
    }

    private Task<JsonNode?> CommandAsync(string verb, string[] arguments, CancellationToken cancellationToken) => (verb, arguments) switch
    {
        ("udp-bind", [string port]) => Done(() => BindUdp(Port(port))),
        ("udp-send", [string port, string to, string text]) => Done(() =>
            _udp[Port(port)].SendTo(Encoding.UTF8.GetBytes(text), IPEndPoint.Parse(to))),
        ("tcp-listen", [string port]) => Done(() => ListenTcp(Port(port))),
        ("tcp-dial", [string port, string to, string limit]) => DialTcpAsync(Port(port), IPEndPoint.Parse(to), Port(limit), cancellationToken),
        _ => throw new ArgumentException($"unknown command {verb} with {arguments.Length} arguments"),
    };

    private static int Port(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static Task<JsonNode?> Done(Action action)
    {
        action();
        return Task.FromResult<JsonNode?>(null);
    }

    private void BindUdp(int port)
    {
        Socket socket = NewSocket(SocketType.Dgram, ProtocolType.Udp, port);
        _udp[port] = socket;
        _tasks.Add(ReceiveAsync(socket, port));
    }

    private async Task ReceiveAsync(Socket socket, int port)
    {
        byte[] buffer = new byte[2048];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.IPv6Any, 0), _closing.Token);
                events.Write(
                    "datagram",
                    ("port", port),
                    ("from", Plain(got.RemoteEndPoint)),
                    ("text", Encoding.UTF8.GetString(buffer, 0, got.ReceivedBytes)));
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }

    private void ListenTcp(int port)
    {
        Socket socket = NewSocket(SocketType.Stream, ProtocolType.Tcp, port);
        socket.Listen(64);
        _tasks.Add(AcceptAsync(socket, port));
    }

    private async Task AcceptAsync(Socket listener, int port)
    {
        try
        {
            while (true)
            {
                Socket accepted = await listener.AcceptAsync(_closing.Token);
                _open.Add(accepted);
                events.Write("accepted", ("port", port), ("from", Plain(accepted.RemoteEndPoint!)));
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }

    private async Task<JsonNode?> DialTcpAsync(int port, IPEndPoint to, int limitMilliseconds, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(limitMilliseconds);
        Socket socket = NewSocket(SocketType.Stream, ProtocolType.Tcp, port);
        try
        {
            if (to.AddressFamily == AddressFamily.InterNetwork)
            {
                to = new IPEndPoint(to.Address.MapToIPv6(), to.Port);
            }

            await socket.ConnectAsync(to, limit.Token);
            return "connected";
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            return "silence";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
    }

    private Socket NewSocket(SocketType type, ProtocolType protocol, int port)
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, type, protocol) { DualMode = true };
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        if (type == SocketType.Stream)
        {
            socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SO_REUSEPORT on Linux
        }

        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        _open.Add(socket);
        return socket;
    }

    private static string Plain(EndPoint endPoint)
    {
        var ip = (IPEndPoint)endPoint;
        return new IPEndPoint(ip.Address.IsIPv4MappedToIPv6 ? ip.Address.MapToIPv4() : ip.Address, ip.Port).ToString();
    }
}
