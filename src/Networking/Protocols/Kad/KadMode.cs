namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Whether this node answers others.</summary>
public enum KadMode
{
    /// <summary>A server while NAT traversal says that anybody can dial this node, else a client.</summary>
    Auto,

    /// <summary>Never answers, and does not say that it speaks the protocol.</summary>
    Client,

    /// <summary>Always answers.</summary>
    Server,
}
