using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Log messages of the mesh admission: ids 1450–1499.</summary>
internal static partial class MeshLog
{
    [LoggerMessage(1450, LogLevel.Debug, "mesh: {Peer} is admitted")]
    public static partial void Admitted(ILogger log, string peer);

    [LoggerMessage(1451, LogLevel.Information, "mesh: {Peer} is not admitted: {Text}")]
    public static partial void Refused(ILogger log, string peer, string text);

    [LoggerMessage(1452, LogLevel.Debug, "mesh: the proof with {Peer} broke off: {Message}")]
    public static partial void BrokeOff(ILogger log, string peer, string message);

    [LoggerMessage(1453, LogLevel.Debug, "mesh: stream {Protocol} of {Peer}, which is not admitted, is reset")]
    public static partial void Guarded(ILogger log, string protocol, string peer);

    [LoggerMessage(1454, LogLevel.Error, "mesh: a handler or background task failed")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
