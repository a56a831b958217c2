using Microsoft.Extensions.Logging;
using P2PLearn.Networking;

namespace P2PLearn.Actors.Remoting;

/// <summary>Log lines of the membership plane's transport, ids 2000–2049 and 2300–2309.</summary>
internal static partial class RemotingLog
{
    [LoggerMessage(2000, LogLevel.Debug, "membership link with {Peer} is open")]
    public static partial void AssociationOpened(this ILogger log, string peer);

    [LoggerMessage(2001, LogLevel.Information, "membership link with {Peer} closed: {Reason}")]
    public static partial void AssociationClosed(this ILogger log, string peer, EndReason reason);

    [LoggerMessage(2002, LogLevel.Warning, "peer {Peer} opened a membership link that is not its own: {Verdict}; refused")]
    public static partial void HandshakeRefused(this ILogger log, string peer, FrameVerdict verdict);

    [LoggerMessage(2003, LogLevel.Warning, "peer {Peer} sent a forbidden membership message: {Verdict}; refused, {Count} so far")]
    public static partial void FrameRefused(this ILogger log, string peer, FrameVerdict verdict, int count);

    [LoggerMessage(EventId = 2004, Message = "{Line}")]
    public static partial void FromAkka(this ILogger log, LogLevel level, Exception? cause, string line);

    [LoggerMessage(2005, LogLevel.Error, "the membership link with {Peer} failed")]
    public static partial void AssociationFailed(this ILogger log, Exception cause, string peer);

    [LoggerMessage(2300, LogLevel.Debug, "the stream of the membership link with {Peer} broke: {Reason}; going on over another")]
    public static partial void LinkBroken(this ILogger log, string peer, EndReason reason);

    [LoggerMessage(2301, LogLevel.Debug, "the membership link with {Peer} goes on, {Elapsed} after the last stream")]
    public static partial void LinkResumed(this ILogger log, string peer, TimeSpan elapsed);

    [LoggerMessage(2302, LogLevel.Debug, "peer {Peer} refused to go on with the membership link: {Refusal}")]
    public static partial void ResumeRefused(this ILogger log, string peer, ResumeRefusal refusal);

    [LoggerMessage(2303, LogLevel.Information, "peer {Peer} asked to go on with a membership link: {Refusal}; refused")]
    public static partial void RefusingResume(this ILogger log, string peer, ResumeRefusal refusal);
}
