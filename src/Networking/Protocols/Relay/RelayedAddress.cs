using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>An address through a relay, taken apart: <c>/ip4/…/tcp/…/p2p/relay/p2p-circuit/p2p/target</c>.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2 and addressing. One relay at most: chains are not dialled.</remarks>
/// <param name="Relay">The relay.</param>
/// <param name="RelayAddress">Where it is, without its id; null when only its id is given.</param>
/// <param name="Target">Whom one means to reach; null when the address does not say.</param>
internal sealed record RelayedAddress(PeerId Relay, Multiaddr? RelayAddress, PeerId? Target)
{
    private const int Room = PeerId.MaxBytes + 8; // an id with its code and length, and the circuit's code

    private static readonly Multiaddr Circuit = Multiaddr.Parse("/p2p-circuit");

    /// <summary>Takes an address apart.</summary>
    /// <returns>False for one that is not relayed, names no relay, or goes through several.</returns>
    public static bool TryParse(Multiaddr address, [NotNullWhen(true)] out RelayedAddress? parsed)
    {
        parsed = null;
        int circuits = address.Components.Count(c => c.Protocol == MultiaddrProtocol.P2PCircuit);
        Multiaddr? way = address.Decapsulate(MultiaddrProtocol.P2PCircuit);
        if (circuits != 1 || way?.PeerId is not { } relay)
        {
            return false;
        }

        int behind = address.Components.Count - way.Components.Count - 1;
        if (behind > 1 || (behind == 1 && address.PeerId is null))
        {
            return false;
        }

        parsed = new RelayedAddress(relay, way.WithoutPeerId(), behind == 1 ? address.PeerId : null);
        return true;
    }

    /// <summary>The address through a relay, without a target.</summary>
    /// <param name="relayAddress">Where the relay is; a trailing id is replaced.</param>
    /// <param name="relay">Its id.</param>
    /// <returns>Null when it is too long for an address.</returns>
    public static Multiaddr? Through(Multiaddr relayAddress, PeerId relay)
    {
        return relayAddress.Bytes.Length > Multiaddr.MaxBytes - Room
            ? null
            : relayAddress.WithPeerId(relay).Encapsulate(Circuit);
    }

    /// <summary>A relayed address with the peer behind the relay at its end.</summary>
    /// <param name="address">May name a target already, which is replaced.</param>
    /// <param name="target">The peer.</param>
    /// <returns>Null when it is too long for an address.</returns>
    public static Multiaddr? To(Multiaddr address, PeerId target) =>
        address.Bytes.Length > Multiaddr.MaxBytes - Room ? null : address.WithPeerId(target);

    /// <summary>An address of ours, followed by the circuit: our end of a circuit.</summary>
    public static Multiaddr OurEnd(Multiaddr local) =>
        local.Bytes.Length > Multiaddr.MaxBytes - Circuit.Bytes.Length ? local : local.Encapsulate(Circuit);
}
