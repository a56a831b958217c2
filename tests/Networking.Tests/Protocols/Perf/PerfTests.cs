using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Perf;

public sealed class PerfTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 100_001)]
    [InlineData(3_000_000, 2_000_000)]
    public async Task So_many_bytes_go_up_and_so_many_come_down(ulong upload, ulong download)
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2, o => o with { EnablePerf = true });
        await Swarms.ConnectAsync(a, b);
        long before = b.Counters.BytesIn;

        PerfResult result = await PerfProtocol.MeasureAsync(
            a, b.LocalPeer, upload, download, TimeProvider.System, default)
            .LimitAsync("the measurement");

        Assert.True(result.Upload > TimeSpan.Zero);
        Assert.True(b.Counters.BytesIn - before >= (long)upload);
    }

    [Fact]
    public async Task It_is_off_unless_asked_for()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        await Swarms.ConnectAsync(a, b);

        await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => PerfProtocol.MeasureAsync(a, b.LocalPeer, 1, 1, TimeProvider.System, default)
                .LimitAsync("the refusal"));
    }

    [Fact]
    public async Task A_request_beyond_the_cap_is_refused()
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with { EnablePerf = true });
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream stream = await peer.OpenAsync(PerfProtocol.Id);

        await stream.WriteAsync(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, default);

        await Assert.ThrowsAnyAsync<IOException>(() => stream.ReadAsync(new byte[1], default).LimitAsync("the reset"));
    }
}
