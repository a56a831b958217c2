using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

/// <summary>Two nodes of a fabric with an endpoint each.</summary>
internal sealed class RpcPair : IAsyncDisposable
{
    public RpcPair(RpcOptions? options = null, TimeProvider? time = null, int streamBufferBytes = Fabric.DefaultStreamBufferBytes)
    {
        Fabric = new Fabric(time, streamBufferBytes);
        CallerNode = Fabric.AddNode(0);
        CalleeNode = Fabric.AddNode(1);
        Caller = new RpcEndpoint(CallerNode, options ?? new RpcOptions(), time ?? TimeProvider.System);
        Callee = new RpcEndpoint(CalleeNode, options ?? new RpcOptions(), time ?? TimeProvider.System);
    }

    public Fabric Fabric { get; }

    public FabricNode CallerNode { get; }

    public FabricNode CalleeNode { get; }

    public RpcEndpoint Caller { get; }

    public RpcEndpoint Callee { get; }

    public PeerId CallerId => CallerNode.LocalPeer;

    public PeerId CalleeId => CalleeNode.LocalPeer;

    public static byte[] Pattern(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static async Task<RpcException> FailsAsync(RpcStatus status, Func<Task> act)
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => act().LimitAsync($"the call to fail with {status}"));
        Assert.Equal(status, error.Status);
        return error;
    }

    public async Task<byte[]> CallAsync(string method, ReadOnlyMemory<byte> request, RpcCallOptions options = default, CancellationToken cancellationToken = default)
    {
        using RpcPayload answer = await Caller.CallAsync(CalleeId, method, request, options, cancellationToken).LimitAsync($"the answer of {method}");
        return answer.Memory.ToArray();
    }

    public void MapEcho() => Callee.Map("echo", (request, _) => ValueTask.FromResult(RpcPayload.Wrap(request.Body)), new RpcMethodOptions { MaxRequestBytes = 8 << 20 });

    public async ValueTask DisposeAsync()
    {
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await Fabric.DisposeAsync();
        Assert.Empty(CallerNode.HandlerFailures);
        Assert.Empty(CalleeNode.HandlerFailures);
    }
}
