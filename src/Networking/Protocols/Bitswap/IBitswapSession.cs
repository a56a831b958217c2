using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>A fetch, as bitswap tells it what comes. Called from several threads.</summary>
internal interface IBitswapSession
{
    /// <summary>A peer says what it has, and has not.</summary>
    void OnPresences(PeerId peer, IReadOnlyList<BlockPresence> presences);

    /// <summary>A block has come. The stream that brought it waits for the task, which waits when enough blocks
    /// are being stored: that slows the sender down to the disk.</summary>
    ValueTask OnBlockAsync(PeerId peer, Block block, CancellationToken cancellationToken);

    /// <summary>So many bytes of a message have come.</summary>
    void OnBytes(PeerId peer, int bytes);

    /// <summary>A peer sent a block that nobody asked it for, or broke a rule.</summary>
    void OnLie(PeerId peer);

    /// <summary>A peer cannot be written to, or is disconnected.</summary>
    void OnLost(PeerId peer);
}
