using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>The methods, and what all calls that we answer share.</summary>
internal sealed class RpcServer
{
    private readonly ConcurrentDictionary<string, RpcMethod> _methods = new();
    private readonly ILogger _logger;
    private int _served;

    public RpcServer(RpcOptions options, TimeProvider time, ILogger logger)
    {
        Options = options;
        Time = time;
        _logger = logger;
        FindMethod = name => _methods.GetValueOrDefault(name);
    }

    public RpcOptions Options { get; }

    public TimeProvider Time { get; }

    public Func<string, RpcMethod?> FindMethod { get; }

    public int ServedCalls => Volatile.Read(ref _served);

    public void Map(RpcMethod method)
    {
        CheckName(method.Name);
        if (!_methods.TryAdd(method.Name, method))
        {
            throw new InvalidOperationException($"method {method.Name} has a handler already");
        }
    }

    /// <summary>A caller's or mapper's name; one that is not valid is a mistake in our program.</summary>
    public void CheckName(string name)
    {
        bool isName = name.Length > 0 && name.Length <= Options.MaxMethodNameBytes && name.All(c => c is >= '!' and <= '~');
        if (!isName)
        {
            throw new ArgumentException($"'{name}' is not a method name: 1–{Options.MaxMethodNameBytes} visible ASCII characters", nameof(name));
        }
    }

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _served) <= Options.MaxServedCalls)
        {
            return true;
        }

        Interlocked.Decrement(ref _served);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _served);

    /// <summary>What a caller asks for, bounded by what we serve.</summary>
    public TimeSpan TimeoutOf(uint milliseconds)
    {
        TimeSpan asked = TimeSpan.FromMilliseconds(milliseconds);
        return milliseconds == 0 || asked > Options.MaxServeTime ? Options.MaxServeTime : asked;
    }

    /// <summary>What a caller is told of a handler's exception: only what the handler meant it to know.</summary>
    public RpcException ToFailure(RpcMethod method, PeerId peer, bool isOverdue, Exception error)
    {
        switch (error)
        {
            case RpcException failure:
                return failure;
            case OperationCanceledException when isOverdue:
                return new RpcException(RpcStatus.DeadlineExceeded, "the call's time is over");
            case OperationCanceledException:
                return new RpcException(RpcStatus.Cancelled, "the call was given up");
            default:
                _logger.HandlerFailed(error, method.Name, peer);
                return new RpcException(RpcStatus.Internal, "the method failed");
        }
    }
}
