using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Transports;

public sealed class TcpWatchTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);
    private readonly FakeTimeProvider _time = new();
    private TcpProgress? _progress;
    private int _reads;
    private int _swallowed;

    [Theory]
    [InlineData(0, 9, 9000, false)] // nothing is on its way
    [InlineData(1, 3, 3000, true)]
    [InlineData(400, 3, 60_000, true)]
    [InlineData(1, 2, 60_000, false)] // not tried often enough: a long round trip
    [InlineData(1, 9, 2999, false)] // heard of a moment ago
    public void A_way_that_is_silent_although_bytes_were_sent_again_swallows(uint unacknowledged, int retransmissions, int heard, bool swallows) =>
        Assert.Equal(swallows, new TcpProgress(unacknowledged, retransmissions, TimeSpan.FromMilliseconds(heard)).IsSwallowed(Limit));

    [Fact]
    public void Linuxs_answer_is_read_and_a_short_one_is_none()
    {
        byte[] info = new byte[60];
        info[2] = 4;
        BitConverter.TryWriteBytes(info.AsSpan(24), 17u);
        BitConverter.TryWriteBytes(info.AsSpan(56), 3500u);

        Assert.True(TcpProgress.TryParse(info, out TcpProgress progress));
        Assert.Equal(new TcpProgress(17, 4, TimeSpan.FromMilliseconds(3500)), progress);
        Assert.False(TcpProgress.TryParse(info.AsSpan(1), out _));
    }

    [Fact]
    public async Task A_live_socket_has_nothing_on_its_way_for_long_and_a_closed_one_says_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndPoint!);
        await socket.SendAsync(new byte[1000]);

        await Within.UntilAsync(() => TcpProgress.Read(socket) is { Unacknowledged: 0, Retransmissions: 0 }, "the acknowledgement");
        socket.Dispose();
        Assert.Null(TcpProgress.Read(socket));
    }

    [Fact]
    public void Nobody_looks_while_nothing_is_on_its_way()
    {
        using TcpWatch watch = Create();
        Pass(Limit);
        Assert.Equal(0, _reads);

        _progress = new TcpProgress(1, 0, TimeSpan.Zero);
        watch.OnSent();
        watch.OnSent();
        Pass(Limit);
        Assert.InRange(_reads, 2, 6);

        _progress = new TcpProgress(0, 0, TimeSpan.Zero);
        Pass(Limit);
        int reads = _reads;
        Pass(Limit);
        Assert.Equal(reads, _reads);
        Assert.Equal(0, _swallowed);
    }

    [Fact]
    public void A_swallowing_way_is_told_once_for_what_was_sent()
    {
        using TcpWatch watch = Create();
        _progress = new TcpProgress(1, 1, Limit / 2);
        watch.OnSent();
        Pass(Limit / 2);
        Assert.Equal(0, _swallowed);

        _progress = new TcpProgress(1, TcpProgress.MinRetransmissions, Limit);
        Pass(Limit * 2);
        Assert.Equal(1, _swallowed);
    }

    [Fact]
    public void A_system_that_does_not_tell_is_not_asked_again_before_the_next_bytes()
    {
        using TcpWatch watch = Create();
        watch.OnSent();
        Pass(Limit * 2);
        Assert.Equal(1, _reads);
        watch.Dispose();
        watch.OnSent();
        Pass(Limit);
        Assert.Equal((1, 0), (_reads, _swallowed));
    }

    private TcpWatch Create() => new(
        () =>
        {
            _reads++;
            return _progress;
        },
        Limit,
        _time,
        () => _swallowed++);

    private void Pass(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromMilliseconds(100))
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }
    }
}
