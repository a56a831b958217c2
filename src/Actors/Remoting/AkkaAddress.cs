using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Remoting;

/// <summary>How a text that should name a peer was understood.</summary>
public enum PeerMatch
{
    /// <summary>It names exactly one peer.</summary>
    Found,

    /// <summary>It is neither an address nor a peer id, and no known peer begins or ends like it.</summary>
    Unknown,

    /// <summary>More than one known peer begins or ends like it.</summary>
    Ambiguous,
}

/// <summary>Peer ids as Akka addresses and back: <c>akka.p2p://P2PLearn@k51q…:4001</c>.</summary>
/// <remarks>
/// <see cref="Address"/> lower-cases its host, so base58 would lose letters: the host is the peer id as CIDv1 in base36. The port is only a
/// name and never 0, which the cluster's serializer takes for "no port". All members have the same scheme, system name and port.
/// </remarks>
public static class AkkaAddress
{
    /// <summary>Name of every actor system of the mesh.</summary>
    public const string SystemName = "P2PLearn";

    /// <summary>Scheme that the transport itself uses.</summary>
    public const string TransportScheme = "p2p";

    /// <summary>Scheme that the rest of Akka sees.</summary>
    public const string Scheme = "akka.p2p";

    /// <summary>Port in every address.</summary>
    public const int Port = 4001;

    /// <summary>Shortest prefix or suffix of a peer id that <see cref="TryFind"/> takes.</summary>
    public const int MinPartLength = 3;

    /// <summary>The address of the peer's actor system.</summary>
    public static Address Of(PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return new Address(Scheme, SystemName, peer.ToBase36(), Port);
    }

    /// <summary>The peer whose actor system has this address.</summary>
    /// <returns>False unless scheme (with or without <c>akka.</c>), system name and port are the mesh's and the host is a peer id.</returns>
    public static bool TryGetPeer(Address? address, [NotNullWhen(true)] out PeerId? peer)
    {
        peer = null;
        return address is { Host: { } host, Port: Port, System: SystemName, Protocol: Scheme or TransportScheme }
            && PeerId.TryParse(host, out peer);
    }

    /// <summary>Finds the peer that a person means.</summary>
    /// <param name="text">An address with or without scheme, a peer id in base58 or base36, or an unambiguous beginning or end of one.</param>
    /// <param name="known">The peers among which a beginning or end is looked for.</param>
    /// <param name="peer">The peer when <see cref="PeerMatch.Found"/>; a whole id need not be known.</param>
    public static PeerMatch TryFind(string? text, IEnumerable<PeerId> known, out PeerId? peer)
    {
        ArgumentNullException.ThrowIfNull(known);
        peer = null;
        string wanted = HostPart(text ?? string.Empty);
        if (PeerId.TryParse(wanted, out peer))
        {
            return PeerMatch.Found;
        }

        if (wanted.Length < MinPartLength)
        {
            return PeerMatch.Unknown;
        }

        PeerId[] matches = [.. known.Where(candidate => Matches(candidate, wanted)).Distinct().Take(2)];
        peer = matches.Length == 1 ? matches[0] : null;
        return matches.Length switch { 0 => PeerMatch.Unknown, 1 => PeerMatch.Found, _ => PeerMatch.Ambiguous };
    }

    private static bool Matches(PeerId candidate, string part)
    {
        string base58 = candidate.ToString();
        return base58.StartsWith(part, StringComparison.Ordinal)
            || base58.EndsWith(part, StringComparison.Ordinal) // tables show the last characters
            || candidate.ToBase36().StartsWith(part, StringComparison.OrdinalIgnoreCase);
    }

    private static string HostPart(string text)
    {
        string trimmed = text.Trim();
        int at = trimmed.IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
        {
            return trimmed;
        }

        string host = trimmed[(at + 1)..];
        int colon = host.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? host : host[..colon];
    }
}
