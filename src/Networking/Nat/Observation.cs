using System.Diagnostics.CodeAnalysis;
using System.Net;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Nat;

/// <summary>A peer's word of where it sees us.</summary>
/// <param name="Connection">Number of the connection that it saw us over.</param>
/// <param name="Local">Our end of it.</param>
/// <param name="Remote">The peer's IP, as our system sees it.</param>
/// <param name="Observed">Our end as the peer says that it sees it. Untrusted.</param>
/// <param name="IsInbound">The peer dialled: what it sees is what it dialled, and says nothing of how we are mapped.</param>
/// <param name="FromListenPort">Our end is a port that we listen on.</param>
internal sealed record Observation(
    long Connection, IPEndPoint Local, IPAddress Remote, IPEndPoint Observed, bool IsInbound, bool FromListenPort)
{
    /// <summary>What the peer at the other end of a connection has said.</summary>
    /// <returns>False when it said nothing, or nothing that could ever count: a relayed connection, or no TCP
    /// address.</returns>
    public static bool TryFrom(SwarmConnection connection, [NotNullWhen(true)] out Observation? observation)
    {
        observation = null;
        if (connection.IsRelayed
            || connection.ObservedAddress is not { } said
            || !ThinWaist.TryGet(said, out IPEndPoint? observed)
            || !ThinWaist.TryGet(connection.LocalAddress, out IPEndPoint? local)
            || ThinWaist.IpOf(connection.RemoteAddress) is not { } remote)
        {
            return false;
        }

        bool isInbound = connection.Direction == ConnectionDirection.Inbound;
        observation = new Observation(
            connection.Id, local, remote, observed, isInbound, connection.FromListenPort);
        return true;
    }
}

/// <summary>What became of an <see cref="Observation"/>.</summary>
internal enum ObservationVerdict
{
    /// <summary>It counts.</summary>
    Taken,

    /// <summary>The connection did not leave from a port that we listen on.</summary>
    NotListening,

    /// <summary>The observer, or what it saw, is not on the public Internet, or of another address family.</summary>
    NotPublic,

    /// <summary>The observer dialled us, and its own earlier word, from when we dialled it, weighs more.</summary>
    Outweighed,

    /// <summary>As many observers are held as may be.</summary>
    Full,
}
