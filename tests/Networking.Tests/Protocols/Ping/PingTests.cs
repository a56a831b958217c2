using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Protocols.Ping;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Ping;

public sealed class PingTests
{
    [Fact]
    public async Task Pings_are_echoed_on_one_stream_until_it_is_closed()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream stream = await peer.OpenAsync(PingProtocol.Id);
        for (byte i = 0; i < 3; i++)
        {
            byte[] ping = [.. Enumerable.Repeat(i, PingProtocol.PingBytes)];
            await stream.WriteAsync(ping, default);
            Assert.Equal(ping, await ReadAsync(stream, PingProtocol.PingBytes));
        }

        await stream.CloseWriteAsync(default);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], default).LimitAsync("the end"));
    }

    [Fact]
    public async Task A_peer_has_two_ping_streams_and_no_third()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream first = await peer.OpenAsync(PingProtocol.Id);
        MuxedStream second = await peer.OpenAsync(PingProtocol.Id);
        MuxedStream third = await peer.OpenAsync(PingProtocol.Id);

        await Assert.ThrowsAnyAsync<IOException>(() => third.ReadAsync(new byte[1], default).LimitAsync("the reset"));

        Assert.Equal(1, node.Counters.Refused[ResourceLimit.StreamsPerProtocol]);
        first.Reset(EndReason.ClosedLocally);
        second.Reset(EndReason.ClosedLocally);
    }

    [Fact]
    public async Task Other_bytes_than_were_sent_are_no_echo()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        await Within.UntilAsync(() => node.ConnectedPeers.Count == 1, "connected");
        Task lying = LieAsync(peer);

        IOException e = await Assert.ThrowsAnyAsync<IOException>(() => node.PingAsync(peer.Id, default)
            .LimitAsync("the ping"));

        Assert.Contains("other bytes", e.Message, StringComparison.Ordinal);
        await lying.LimitAsync("the liar");
    }

    [Theory]
    [InlineData(0, 61)] // no ping for a minute
    [InlineData(5, 11)] // a ping that does not get whole within ten seconds
    public async Task A_stream_that_is_idle_or_drips_is_reset(int bytes, int seconds)
    {
        var time = new FakeTimeProvider();
        var network = new MemoryTransport();
        await using Node node = Swarms.Create(1, o => o with { Transports = [network], Time = time });
        await using Node other = Swarms.Create(2, o => o with { Transports = [network] });
        Multiaddr address = await node.ListenAsync(Multiaddr.Parse("/memory/0"), default);
        await other.ConnectAsync(address, default).LimitAsync("connecting");
        await Swarms.IdentifiedAsync(other, node);
        await Swarms.IdentifiedAsync(node, other);
        await using var stream = await other.OpenStreamAsync(node.LocalPeer, PingProtocol.Id, default);
        await stream.WriteAsync(new byte[PingProtocol.PingBytes], CancellationToken.None);
        await stream.ReadExactlyAsync(new byte[PingProtocol.PingBytes])
            .LimitAsync("an echo, so that the node is at the next ping");
        await stream.WriteAsync(new byte[bytes], CancellationToken.None);
        Task<int> reading = stream.ReadAsync(new byte[1], CancellationToken.None).AsTask();

        while (!reading.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromMilliseconds(20)));
        }

        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    private static async Task LieAsync(RawPeer peer)
    {
        while (true)
        {
            (var protocol, MuxedStream stream) = await peer.AcceptAsync();
            if (protocol == PingProtocol.Id)
            {
                await stream.WriteAsync(new byte[PingProtocol.PingBytes], default);
                return;
            }

            stream.Reset(EndReason.ClosedLocally);
        }
    }

    private static async Task<byte[]> ReadAsync(MuxedStream stream, int count)
    {
        byte[] buffer = new byte[count];
        for (int filled = 0; filled < count;)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(filled), default).LimitAsync("the echo");
            Assert.NotEqual(0, read);
            filled += read;
        }

        return buffer;
    }
}
