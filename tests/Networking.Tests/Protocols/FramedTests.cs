using CsCheck;
using P2PLearn.Networking.Protocols;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols;

public sealed class FramedTests
{
    [Fact]
    public void What_is_written_is_read_however_it_is_cut() =>
        Gen.Select(Gen.Byte.Array[0, 300].Array[0, 6], Gen.Int[1, 50]).Sample((messages, chunk) =>
        {
            var wire = new MemoryStream();
            foreach (byte[] message in messages)
            {
                FramedWriter.WriteAsync(wire, message, default).AsTask().GetAwaiter().GetResult();
            }

            List<byte[]> read = ReadAll(new Chunked(wire.ToArray(), chunk), maxMessageBytes: 300);
            Assert.Equal(messages.Length, read.Count);
            Assert.All(messages.Zip(read), pair => Assert.Equal(pair.First, pair.Second));
        }, iter: 200);

    [Fact]
    public void Any_bytes_give_messages_or_our_error() =>
        Gen.Byte.Array[0, 100].Sample(bytes =>
        {
            try
            {
                ReadAll(new Chunked(bytes, 7), maxMessageBytes: 20);
            }
            catch (ProtocolViolationException e)
            {
                Assert.True(e.Reason is EndReason.MalformedMessage or EndReason.MessageTooLarge);
            }
        }, iter: 2_000);

    [Theory]
    // refused by its length alone, without waiting for a byte of it
    [InlineData(new byte[] { 21 }, EndReason.MessageTooLarge)]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, EndReason.MessageTooLarge)]
    [InlineData(new byte[] { 0x80, 0x00 }, EndReason.MalformedMessage)] // not the shortest form
    [InlineData(new byte[] { 5, 1, 2 }, EndReason.MalformedMessage)] // ends within
    [InlineData(new byte[] { 0x80 }, EndReason.MalformedMessage)]
    public void A_length_is_checked_before_anything_is_awaited(byte[] wire, EndReason reason)
    {
        ProtocolViolationException e = Assert.Throws<ProtocolViolationException>(
            () => ReadAll(new Chunked(wire, 100), maxMessageBytes: 20));

        Assert.Equal(reason, e.Reason);
    }

    [Fact]
    public async Task A_reader_that_is_disposed_reads_no_more()
    {
        var reader = new FramedReader(new MemoryStream(), 10);
        reader.Dispose();
        reader.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => reader.ReadAsync(default).LimitAsync("a refusal"));
    }

    private static List<byte[]> ReadAll(Stream stream, int maxMessageBytes)
    {
        using var reader = new FramedReader(stream, maxMessageBytes);
        List<byte[]> messages = [];
        while (reader.ReadAsync(default).AsTask().GetAwaiter().GetResult() is { } message)
        {
            messages.Add(message.ToArray());
        }

        return messages;
    }

    /// <summary>Gives at most so many bytes a read.</summary>
    private sealed class Chunked(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
