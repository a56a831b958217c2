using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Log messages of AutoNAT: ids 1340–1359.</summary>
internal static partial class AutoNatLog
{
    [LoggerMessage(1340, LogLevel.Debug, "autonat: {Address} is {Reachability}, by {Observers} observers")]
    public static partial void Verdict(ILogger log, Multiaddr address, Reachability reachability, int observers);

    [LoggerMessage(1341, LogLevel.Debug, "autonat: asked {Peer} about {Address} and {More} more: {Outcome}")]
    public static partial void Probed(ILogger log, string peer, Multiaddr address, int more, ProbeOutcome outcome);

    [LoggerMessage(1342, LogLevel.Debug, "autonat: seen at {Observed} by {Peer}: {Verdict}")]
    public static partial void Observed(ILogger log, System.Net.IPEndPoint observed, string peer, ObservationVerdict verdict);

    [LoggerMessage(1344, LogLevel.Debug, "autonat: asked {Other} to dial {Address} in our place: {Outcome}")]
    public static partial void Delegated(ILogger log, string other, Multiaddr address, string outcome);

    [LoggerMessage(1345, LogLevel.Debug, "autonat: dialling {Address} ourselves: {Others} others could be asked, asked enough of them lately: {IsLimited}")]
    public static partial void NotDelegated(ILogger log, Multiaddr address, int others, bool isLimited);

    [LoggerMessage(1343, LogLevel.Error, "autonat: a handler or background task failed")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
