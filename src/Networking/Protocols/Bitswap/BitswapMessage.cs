using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>One entry of a wantlist.</summary>
/// <param name="Cid">What is wanted.</param>
/// <param name="Priority">Higher first.</param>
/// <param name="IsCancel">It is wanted no more.</param>
/// <param name="WantsHave">Only whether the other side has it; else the block itself.</param>
/// <param name="SendDontHave">Say so when it is not there.</param>
internal readonly record struct WantEntry(Cid Cid, int Priority, bool IsCancel, bool WantsHave, bool SendDontHave);

/// <summary>Whether the sender has a block.</summary>
internal readonly record struct BlockPresence(Cid Cid, bool Has);

/// <summary>One bitswap message.</summary>
internal sealed record BitswapMessage
{
    /// <summary>The wantlist takes the place of what was wanted before.</summary>
    public bool IsFull { get; init; }

    public IReadOnlyList<WantEntry> Wants { get; init; } = [];

    /// <summary>Right by construction: their names were computed from what came.</summary>
    public IReadOnlyList<Block> Blocks { get; init; } = [];

    public IReadOnlyList<BlockPresence> Presences { get; init; } = [];
}
