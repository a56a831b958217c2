using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>A writer may fill its buffer anew as soon as its write has ended.</summary>
public sealed class YamuxWriteBufferTests
{
    [Fact]
    public async Task A_write_ends_after_its_last_bytes_were_copied_not_when_they_are_taken()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream _) = await pair.OpenAsync();
        await mine.WriteAsync(new byte[(int)YamuxReceiveWindow.InitialBytes - 1], pair.Token); // nobody reads: the window is used up
        Task write = mine.WriteAsync(new byte[100], pair.Token).AsTask();
        var stream = (YamuxStream)mine;

        Assert.Equal(100, stream.NextToWrite(100).Length);
        Assert.False(write.IsCompleted);

        stream.Taken(100);
        await write.WaitAsync(YamuxPair.Patience, pair.Token);
    }
}
