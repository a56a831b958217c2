using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>A way to make raw links: TCP, or memory in tests.</summary>
/// <remarks>Safe for several threads.</remarks>
public interface ITransport
{
    /// <summary>True for an address that this transport can dial or listen on, not counting names to resolve or a peer
    /// id at its end.</summary>
    bool Handles(Multiaddr address);

    /// <summary>Starts to listen.</summary>
    /// <exception cref="AddressInUseException">Another program, or this one, listens there.</exception>
    /// <exception cref="IOException">The system refused for another reason.</exception>
    ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken);

    /// <summary>Connects. The caller's token carries the time limit.</summary>
    /// <exception cref="IOException">Refused, unreachable, or broken.</exception>
    ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken);

    /// <summary>Connects from a port of the caller's choice, where the transport has ports; else like the other
    /// overload.</summary>
    /// <exception cref="IOException">Refused, unreachable, broken, or the port asked for is not to be had.</exception>
    ValueTask<ITransportLink> DialAsync(Multiaddr address, DialOrigin origin, CancellationToken cancellationToken) =>
        DialAsync(address, cancellationToken);
}

/// <summary>Accepts links on one address.</summary>
public interface ITransportListener : IAsyncDisposable
{
    /// <summary>The address bound, with its real port, possibly a wildcard IP.</summary>
    Multiaddr Address { get; }

    /// <summary>The next link, or null when the listener is closed. One caller at a time.</summary>
    ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken);
}

/// <summary>A raw link that knows where it leads.</summary>
public interface ITransportLink : ILink
{
    /// <summary>Our end.</summary>
    Multiaddr LocalAddress { get; }

    /// <summary>The other end as the system sees it.</summary>
    Multiaddr RemoteAddress { get; }

    /// <summary>The IP that limits count by; null where there is none.</summary>
    IPAddress? RemoteIp { get; }

    /// <summary>The local port is one we listen on, so that what the remote observes of us is worth knowing.</summary>
    bool FromListenPort { get; }

    /// <summary>What may pass before somebody ends the link; null for as much and as long as both ends like.</summary>
    LinkLimit? Limit => null;
}
