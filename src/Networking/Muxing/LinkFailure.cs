using System.Net.Sockets;

namespace P2PLearn.Networking.Muxing;

/// <summary>Tells failures of a link from bugs of ours.</summary>
internal static class LinkFailure
{
    /// <summary>Classifies what a link threw.</summary>
    /// <returns>False for everything that is not the link's failure: let it pass.</returns>
    public static bool TryClassify(Exception exception, out EndReason reason)
    {
        reason = exception is ProtocolViolationException violation ? violation.Reason : EndReason.LinkLost;
        return exception is ProtocolViolationException or IOException or SocketException
            or ObjectDisposedException or OperationCanceledException;
    }
}
