using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Swarm;

/// <summary>A peer could not be reached on any known address.</summary>
public sealed class PeerUnreachableException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="peer">Who was to be reached; null when only an address was known.</param>
    /// <param name="reason">The most telling reason over all attempts.</param>
    /// <param name="message">One line for a person: each address tried with its own reason.</param>
    /// <param name="inner">The last underlying failure.</param>
    public PeerUnreachableException(PeerId? peer, EndReason reason, string message, Exception? inner = null)
        : base(message, inner)
    {
        Peer = peer;
        Reason = reason;
    }

    /// <summary>Who was to be reached, when known.</summary>
    public PeerId? Peer { get; }

    /// <summary>The most telling reason over all attempts.</summary>
    public EndReason Reason { get; }
}
