namespace P2PLearn.Networking;

/// <summary>How far the damage of a broken rule reaches.</summary>
public enum ViolationScope
{
    /// <summary>The stream is reset; the connection lives on.</summary>
    Stream,

    /// <summary>The whole connection is closed.</summary>
    Connection,
}

/// <summary>A remote broke a rule of a protocol. Thrown at the codec, turned into a reset or close by the loop above it.</summary>
public sealed class ProtocolViolationException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Which rule; <see cref="EndReason.MalformedMessage"/> or later.</param>
    /// <param name="scope">What has to be closed.</param>
    /// <param name="message">What was seen and what was allowed, for a person.</param>
    public ProtocolViolationException(EndReason reason, ViolationScope scope, string message)
        : base(message)
    {
        Reason = reason;
        Scope = scope;
    }

    /// <summary>Which rule was broken.</summary>
    public EndReason Reason { get; }

    /// <summary>What has to be closed.</summary>
    public ViolationScope Scope { get; }
}
