using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>How long the swarm waits. Each is a total limit of its step, not an idle one.</summary>
public sealed record SwarmTimeouts
{
    /// <summary>One address: connecting and upgrading.</summary>
    public TimeSpan DialAddress { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A whole dial over all addresses of a peer, name resolution included.</summary>
    public TimeSpan Dial { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause before the next address is tried beside those that have not answered yet (RFC 8305's happy
    /// eyeballs).</summary>
    public TimeSpan DialStagger { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long relayed addresses wait while direct ones are tried (go-libp2p's figure).</summary>
    public TimeSpan RelayDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long opening a stream waits for a direct connection when only a relayed one is there that its protocol
    /// may not use.</summary>
    public TimeSpan DirectWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a relayed connection lives on beside a direct one, so that its streams may move.</summary>
    public TimeSpan MoveGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>From accept to a connection with streams.</summary>
    public TimeSpan InboundUpgrade { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Agreeing on a stream's protocol, in either direction.</summary>
    public TimeSpan StreamNegotiation { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One identify exchange or push.</summary>
    public TimeSpan Identify { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pause in which changes of our protocols and addresses gather before they are pushed to the
    /// peers.</summary>
    public TimeSpan PushDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long the remote's system may be silent while bytes of ours are on their way, see
    /// <see cref="TcpTransport.SilenceLimit"/>.</summary>
    public TimeSpan Silence { get; init; } = TcpTransport.DefaultSilenceLimit;

    /// <summary>How long a closing connection may take to say goodbye before it is broken.</summary>
    public TimeSpan Close { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Checks that each limit is above zero.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit of zero or below.</exception>
    public void Validate()
    {
        foreach (TimeSpan limit in (ReadOnlySpan<TimeSpan>)
            [DialAddress, Dial, DialStagger, RelayDelay, DirectWait, MoveGrace, InboundUpgrade, StreamNegotiation, Identify, PushDelay, Silence, Close])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        }
    }
}
