using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat;

/// <summary>How this node can be reached, at one moment.</summary>
public sealed record NatStatus
{
    /// <summary>Whether any address can be dialled from everywhere.</summary>
    public Reachability Reachability { get; init; }

    /// <summary>How the NAT chooses ports.</summary>
    public NatMapping Mapping { get; init; }

    /// <summary>Whom the NAT lets in.</summary>
    public NatFiltering Filtering { get; init; }

    /// <summary>Every address of this node that is known or was looked at.</summary>
    public IReadOnlyList<AddressStatus> Addresses { get; init; } = [];

    /// <summary>The ports that the router maps for us, one line each.</summary>
    public IReadOnlyList<string> PortMappings { get; init; } = [];

    /// <summary>Why the router maps none, in one line; null when it does, or was not asked.</summary>
    public string? PortMappingProblem { get; init; }

    /// <summary>The router; null when unknown.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>The router's own address is private: there is another NAT behind it.</summary>
    public bool IsBehindCarrierNat { get; init; }

    /// <summary>Our slots on relays.</summary>
    public IReadOnlyList<RelayReservation> Relays { get; init; } = [];

    /// <summary>What we do as a relay; null when we never do.</summary>
    public RelayServerStatus? Relaying { get; init; }
}

/// <summary>One address of this node, and what is known of it.</summary>
/// <param name="Address">Without our peer id.</param>
/// <param name="Source">How it was learnt.</param>
/// <param name="Reachability">What observers found.</param>
/// <param name="Observers">Distinct observers that saw us there or tested it.</param>
/// <param name="Announced">Others are told of it.</param>
public sealed record AddressStatus(
    Multiaddr Address, AddressSource Source, Reachability Reachability, int Observers, bool Announced);
