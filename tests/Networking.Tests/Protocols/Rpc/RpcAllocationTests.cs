using P2PLearn.Networking.Protocols.Rpc;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

/// <summary>Bytes allocated in the whole process for one call, both sides and the fabric included.</summary>
[Collection(nameof(AllocationCollection))]
public sealed class RpcAllocationTests
{
    [Fact]
    public async Task A_warm_unary_call_of_128_bytes_allocates_next_to_nothing()
    {
        NeedsOptimizedCode();
        await using var pair = new RpcPair();
        pair.MapEcho();
        byte[] request = new byte[128];
        double perCall = await LeastAllocatedAsync(count => CallManyAsync(pair, request, count));
        Assert.True(perCall < 40, $"{perCall:0.0} B per call"); // a single object per call would be 24 B or more on each side
        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall:0.00} B per call");
    }

    [Fact]
    public async Task A_message_of_a_warm_streamed_call_allocates_next_to_nothing()
    {
        NeedsOptimizedCode();
        await using var pair = new RpcPair();
        pair.Callee.MapStream("echo", async (call, ct) =>
        {
            byte[] buffer = new byte[128];
            while (await call.NextAsync(ct) >= 0)
            {
                await call.ReadExactlyAsync(buffer, ct);
                await call.WriteAsync(buffer, ct);
            }
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "echo", default, default);
        byte[] message = new byte[128];
        double perMessage = await LeastAllocatedAsync(count => ExchangeManyAsync(call, message, count));
        Assert.True(perMessage < 40, $"{perMessage:0.0} B per message");
        TestContext.Current.TestOutputHelper?.WriteLine($"{perMessage:0.00} B per message");
    }

    private static void NeedsOptimizedCode()
    {
#if DEBUG
        Assert.Skip("debug builds allocate the state of every async method: run with -c Release");
#endif
    }

    /// <summary>The steady state: on a loaded machine threads come and go in some rounds, and the pools that they keep with them.</summary>
    private static async Task<double> LeastAllocatedAsync(Func<int, Task> act)
    {
        const int Count = 5_000;
        double least = double.MaxValue;
        for (int round = 0; round < 6; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await act(Count);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Count);
        }

        return least;
    }

    private static async Task CallManyAsync(RpcPair pair, byte[] request, int count)
    {
        for (int i = 0; i < count; i++)
        {
            using RpcPayload answer = await pair.Caller.CallAsync(pair.CalleeId, "echo", request, default);
        }
    }

    private static async Task ExchangeManyAsync(RpcCall call, byte[] message, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await call.WriteAsync(message, default);
            await call.NextAsync(default);
            await call.ReadExactlyAsync(message, default);
        }
    }
}

/// <summary>Counts allocations of the process, so nothing else may run beside.</summary>
[CollectionDefinition(nameof(AllocationCollection), DisableParallelization = true)]
public sealed class AllocationCollection;
