namespace P2PLearn.Networking.Muxing;

/// <summary>A stream, or the session under it, has ended, so nothing more can be read, written or opened.</summary>
public sealed class StreamEndedException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Why it ended.</param>
    /// <param name="message">What was attempted, for a person.</param>
    public StreamEndedException(EndReason reason, string message)
        : base($"{message} ({reason})")
    {
        Reason = reason;
    }

    /// <summary>Why it ended.</summary>
    public EndReason Reason { get; }
}
