namespace P2PLearn.Networking;

/// <summary>A link or stream could not be brought up: negotiation or handshake ended for <see cref="Reason"/>.</summary>
/// <remarks>
/// Not the place for broken rules, which are a <see cref="ProtocolViolationException"/>: this is for deadlines, ends of the link,
/// another peer than expected, and no protocol in common.
/// </remarks>
public sealed class UpgradeException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Why, for counting and deciding.</param>
    /// <param name="message">Why, for a person.</param>
    /// <param name="inner">The failure underneath, if any.</param>
    public UpgradeException(EndReason reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    /// <summary>Why.</summary>
    public EndReason Reason { get; }
}
