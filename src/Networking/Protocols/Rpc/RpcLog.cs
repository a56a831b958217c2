using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Log messages of the RPC endpoint: ids 1400–1449.</summary>
internal static partial class RpcLog
{
    [LoggerMessage(1400, LogLevel.Warning, "rpc: {Peer} broke a rule ({Reason}): {What}")]
    public static partial void ViolationSeen(this ILogger logger, PeerId peer, EndReason reason, string what);

    [LoggerMessage(1401, LogLevel.Error, "rpc: method {Method} failed for {Peer}")]
    public static partial void HandlerFailed(this ILogger logger, Exception error, string method, PeerId peer);

    [LoggerMessage(1402, LogLevel.Warning, "rpc: handlers still running {Seconds} s after the endpoint was closed")]
    public static partial void HandlersOutlived(this ILogger logger, double seconds);
}
