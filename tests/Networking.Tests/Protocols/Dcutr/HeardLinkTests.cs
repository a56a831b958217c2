using System.Net;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

public sealed class HeardLinkTests : IAsyncDisposable
{
    private static readonly IPEndPoint Somewhere = new(IPAddress.Loopback, 1);
    private readonly NatWorld.Link _far;
    private readonly HeardLink _near;

    public HeardLinkTests()
    {
        (NatWorld.Link near, _far) = NatWorld.Link.Pair(Somewhere, Somewhere);
        _near = new HeardLink(near);
    }

    public ValueTask DisposeAsync() => _near.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4096)]
    public async Task What_was_heard_is_read_in_order_with_what_follows(int readBytes)
    {
        await _far.WriteAsync(new byte[] { 1, 2, 3, 4, 5 }, default);
        Assert.True(await _near.HearAsync(Within.Limit, TimeProvider.System, default));
        await _far.WriteAsync(new byte[] { 6, 7 }, default);

        Assert.Equal([1, 2, 3, 4, 5, 6, 7], await ReadAsync(7, readBytes));
    }

    [Fact]
    public async Task After_silence_what_is_said_later_is_read_too()
    {
        Assert.False(await _near.HearAsync(TimeSpan.FromMilliseconds(1), TimeProvider.System, default));
        await _near.WriteAsync(new byte[] { 9 }, default);
        byte[] there = new byte[1];
        Assert.Equal(1, await _far.ReadAsync(there, default));
        await _far.WriteAsync(new byte[] { 1, 2 }, default);

        Assert.Equal([1, 2], await ReadAsync(2, 16));
    }

    [Fact]
    public async Task A_cancelled_read_after_silence_loses_nothing()
    {
        Assert.False(await _near.HearAsync(TimeSpan.FromMilliseconds(1), TimeProvider.System, default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await _near.ReadAsync(new byte[1], new CancellationToken(canceled: true)));
        await _far.WriteAsync(new byte[] { 3 }, default);

        Assert.Equal([3], await ReadAsync(1, 16));
    }

    [Fact]
    public async Task Giving_up_listening_leaves_the_link_as_it_is()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _near.HearAsync(Within.Limit, TimeProvider.System, new CancellationToken(canceled: true)));
        await _far.WriteAsync(new byte[] { 3 }, default);
        Assert.Equal([3], await ReadAsync(1, 16));
    }

    [Fact]
    public async Task A_link_that_is_closed_unheard_is_an_error()
    {
        await _far.DisposeAsync();
        await Assert.ThrowsAsync<IOException>(() => _near.HearAsync(Within.Limit, TimeProvider.System, default));
    }

    private async Task<byte[]> ReadAsync(int count, int atOnce)
    {
        var all = new List<byte>();
        byte[] buffer = new byte[atOnce];
        while (all.Count < count)
        {
            int read = await _near.ReadAsync(buffer, default).LimitAsync("bytes");
            all.AddRange(buffer[..read]);
        }

        return [.. all];
    }
}
