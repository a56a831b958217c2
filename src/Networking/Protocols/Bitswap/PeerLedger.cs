using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>What one peer wants of us and got. Part of <see cref="ServerEngine"/>, which keeps its bounds.</summary>
internal sealed class PeerLedger
{
    /// <summary>Wants by name. Those of blocks that are here are ready to be sent; the others wait for the block.</summary>
    public Dictionary<Cid, Want> Wants { get; } = [];

    /// <summary>Answers that wait to be sent.</summary>
    public Queue<BlockPresence> Presences { get; } = new();

    /// <summary>Wants that are ready.</summary>
    public int ReadyCount { get; set; }

    /// <summary>A message is under way; the next one waits for it.</summary>
    public bool IsBusy { get; set; }

    public bool HasWork => ReadyCount > 0 || Presences.Count > 0;

    public long BytesSent { get; set; }

    public long BlocksSent { get; set; }

    /// <summary>The most important want that is ready, the oldest first.</summary>
    public Cid? NextReady()
    {
        Want? best = null;
        foreach (Want want in Wants.Values)
        {
            if (want.Size is not null
                && (best is null || want.Priority > best.Priority || (want.Priority == best.Priority && want.Order < best.Order)))
            {
                best = want;
            }
        }

        return best?.Cid;
    }

    public void Remove(Cid cid)
    {
        if (Wants.Remove(cid, out Want? want) && want.Size is not null)
        {
            ReadyCount--;
        }
    }
}

/// <summary>One want of a peer.</summary>
/// <param name="Cid">What.</param>
/// <param name="Priority">Higher first.</param>
/// <param name="Order">Age: lower is older.</param>
/// <param name="WantsHave">Only whether it is there.</param>
/// <param name="Size">Bytes of the block, when it is to be sent; null while it is not here.</param>
internal sealed record Want(Cid Cid, int Priority, long Order, bool WantsHave, int? Size);

/// <summary>What to send to a peer next.</summary>
/// <param name="Peer">To whom.</param>
/// <param name="Blocks">Blocks to read and send; one that has gone meanwhile is left out.</param>
/// <param name="Presences">Answers.</param>
/// <param name="Bytes">Bytes of the blocks, as they count as in flight.</param>
internal sealed record ServeTask(
    Identity.PeerId Peer, IReadOnlyList<Cid> Blocks, IReadOnlyList<BlockPresence> Presences, long Bytes);
