using P2PLearn.Networking.Protocols.Rpc;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

public sealed class RpcPayloadTests
{
    [Fact]
    public void A_disposed_payload_is_not_readable_and_a_second_disposal_does_not_touch_the_next_owner()
    {
        RpcPayload first = RpcPayload.Copy([1, 2, 3]);
        RpcPayload copy = first;
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Memory);
        Assert.Throws<ObjectDisposedException>(() => copy.Span.Length);
        List<RpcPayload> next = [.. Enumerable.Range(0, 100).Select(i => RpcPayload.Copy([(byte)i]))];
        copy.Dispose();
        first.Dispose();
        Assert.All(next, (payload, i) => Assert.Equal(i, payload.Span[0]));
        next.ForEach(payload => payload.Dispose());
    }

    [Fact]
    public void A_wrapped_payload_is_the_memory_itself()
    {
        byte[] bytes = [1, 2];
        RpcPayload payload = RpcPayload.Wrap(bytes);
        bytes[0] = 9;
        Assert.Equal(9, payload.Span[0]);
        Assert.Throws<InvalidOperationException>(() => payload.Writable);
        payload.Dispose();
        Assert.Equal(2, payload.Length);
        Assert.Equal(RpcPayload.Wrap(bytes), payload);
        Assert.NotEqual(RpcPayload.Empty, payload);
    }

    [Fact]
    public void A_buffer_with_two_owners_is_given_back_by_the_last()
    {
        RpcBuffer buffer = RpcBuffer.Rent(10);
        buffer.AddReference();
        int version = buffer.Version;
        buffer.Release(version);
        buffer.Release(version);
        Assert.Equal(10, buffer.Length);
        buffer.Release();
        Assert.Equal(0, buffer.Length);
    }
}
