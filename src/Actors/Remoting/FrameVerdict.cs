namespace P2PLearn.Actors.Remoting;

/// <summary>What the firewall thinks of a frame.</summary>
public enum FrameVerdict
{
    /// <summary>Nothing in it is forbidden.</summary>
    Pass = 0,

    /// <summary>Not a well-formed frame, or one that Akka's parser could read in another way.</summary>
    Malformed,

    /// <summary>A second handshake on an open association.</summary>
    UnexpectedHandshake,

    /// <summary>The message names a sender on another node than the peer.</summary>
    ForeignSender,

    /// <summary>The recipient is not an actor of this node, or none that peers may write to with such a message.</summary>
    Recipient,

    /// <summary>The serializer is none that peers may use, e.g. polymorphic JSON or remote deployment.</summary>
    Serializer,

    /// <summary>The kind of message is none that peers may send, e.g. <c>Down</c>, <c>PoisonPill</c>, system <c>Terminate</c>.</summary>
    Manifest,

    /// <summary>A message about its own sender that names another node, e.g. a <c>Join</c> for somebody else.</summary>
    ForeignClaim,

    /// <summary>Messages inside messages, deeper than allowed, or a forbidden one inside an allowed one.</summary>
    Nested,
}
