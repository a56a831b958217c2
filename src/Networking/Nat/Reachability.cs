namespace P2PLearn.Networking.Nat;

/// <summary>Whether this node, or one of its addresses, can be dialled from everywhere.</summary>
public enum Reachability
{
    /// <summary>Not enough observers have answered yet.</summary>
    Unknown,

    /// <summary>It can.</summary>
    Public,

    /// <summary>It cannot: a NAT or a firewall is in the way.</summary>
    Private,
}

/// <summary>How a NAT chooses the public port of a connection (RFC 4787, 4.1; RFC 5382, 4.1).</summary>
public enum NatMapping
{
    /// <summary>Too few observers.</summary>
    Unknown,

    /// <summary>No translation: we are seen at an address of our own.</summary>
    None,

    /// <summary>The same public port towards everybody: holes can be punched.</summary>
    EndpointIndependent,

    /// <summary>Another public port for each destination ("symmetric"): only a peer that anybody can reach gets through.</summary>
    EndpointDependent,
}

/// <summary>Whom a NAT or firewall lets in (RFC 4787, 5).</summary>
public enum NatFiltering
{
    /// <summary>Not tested yet.</summary>
    Unknown,

    /// <summary>Everybody, once the port is mapped ("full cone"), or without a NAT.</summary>
    EndpointIndependent,

    /// <summary>Only those that were contacted before.</summary>
    EndpointDependent,
}
