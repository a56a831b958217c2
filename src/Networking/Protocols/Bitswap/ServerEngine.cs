using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Who wants what of us, and what to send to whom next: pure, without streams and clock.</summary>
/// <remarks>
/// Peers take turns, one message each, so that one that wants much does not starve one that wants little. Invariants: wants and waiting
/// answers of a peer, peers, and bytes in flight stay within <see cref="BitswapOptions"/>. Not safe for several threads.
/// </remarks>
/// <param name="options">The bounds.</param>
/// <param name="sizeOf">Bytes of a block that is here; null for one that is not.</param>
internal sealed class ServerEngine(BitswapOptions options, Func<Cid, int?> sizeOf)
{
    private const int MaxPresencesPerTask = 1024;
    private readonly Dictionary<PeerId, PeerLedger> _ledgers = [];
    private readonly Dictionary<Cid, HashSet<PeerId>> _waiting = []; // who waits for a block that is not here
    private readonly LinkedList<PeerId> _turns = new(); // those with work and no message under way, next first
    private readonly HashSet<PeerId> _inTurns = [];
    private long _order;

    /// <summary>Bytes of blocks handed out and not yet reported as sent.</summary>
    public long InFlightBytes { get; private set; }

    /// <summary>Peers with a ledger.</summary>
    public int PeerCount => _ledgers.Count;

    /// <summary>What was sent to a peer so far, and how much it wants.</summary>
    public (long Bytes, long Blocks, int Wants) LedgerOf(PeerId peer) =>
        _ledgers.GetValueOrDefault(peer) is { } l ? (l.BytesSent, l.BlocksSent, l.Wants.Count) : default;

    /// <summary>Takes a peer's wantlist in.</summary>
    /// <returns><see cref="EndReason.TooManyRequests"/> when the peer asks and does not read the answers, or there are too many peers.</returns>
    public EndReason Receive(PeerId peer, BitswapMessage message)
    {
        if (message.Wants.Count == 0 && !message.IsFull)
        {
            return EndReason.None;
        }

        if (!_ledgers.TryGetValue(peer, out PeerLedger? ledger))
        {
            if (_ledgers.Count == options.MaxPeers)
            {
                return EndReason.TooManyRequests;
            }

            _ledgers[peer] = ledger = new PeerLedger();
        }

        if (message.IsFull)
        {
            foreach (Cid cid in ledger.Wants.Keys.ToArray())
            {
                Remove(peer, ledger, cid);
            }
        }

        foreach (WantEntry entry in message.Wants)
        {
            Take(peer, ledger, entry);
            if (ledger.Presences.Count > options.MaxPresencesPerPeer)
            {
                Disconnected(peer);
                return EndReason.TooManyRequests;
            }
        }

        Queue(peer, ledger);
        return EndReason.None;
    }

    /// <summary>A block has come: those who wait for it get it, or word of it.</summary>
    public void Stored(Cid cid, int size)
    {
        if (!_waiting.Remove(cid, out HashSet<PeerId>? peers))
        {
            return;
        }

        foreach (PeerId peer in peers)
        {
            PeerLedger ledger = _ledgers[peer];
            Want want = ledger.Wants[cid];
            ledger.Wants.Remove(cid);
            Answer(ledger, want, size);
            Queue(peer, ledger);
        }
    }

    /// <summary>Forgets a peer.</summary>
    public void Disconnected(PeerId peer)
    {
        if (_ledgers.Remove(peer, out PeerLedger? ledger))
        {
            foreach (Cid cid in ledger.Wants.Keys.ToArray())
            {
                Remove(peer, ledger, cid);
            }

            if (_inTurns.Remove(peer))
            {
                _turns.Remove(peer);
            }
        }
    }

    /// <summary>Hands out the next message, as far as the bytes in flight allow.</summary>
    public bool TryNext(out ServeTask? task)
    {
        task = null;
        if (_turns.First is not { } first || InFlightBytes + options.MaxServeBytes > options.MaxInFlightBytes)
        {
            return false;
        }

        _turns.RemoveFirst();
        _inTurns.Remove(first.Value);
        PeerLedger ledger = _ledgers[first.Value];
        List<BlockPresence> presences = [];
        while (presences.Count < MaxPresencesPerTask && ledger.Presences.TryDequeue(out BlockPresence presence))
        {
            presences.Add(presence);
        }

        List<Cid> blocks = [];
        long bytes = 0;
        while (bytes < options.MaxServeBytes && ledger.NextReady() is { } cid)
        {
            int size = ledger.Wants[cid].Size!.Value;
            if (blocks.Count > 0 && bytes + size > options.MaxServeBytes)
            {
                break;
            }

            blocks.Add(cid);
            bytes += size;
            ledger.Remove(cid);
        }

        InFlightBytes += bytes;
        ledger.IsBusy = true;
        task = new ServeTask(first.Value, blocks, presences, bytes);
        return true;
    }

    /// <summary>A message is written, or will never be.</summary>
    public void Sent(ServeTask task, bool succeeded)
    {
        InFlightBytes -= task.Bytes;
        if (_ledgers.TryGetValue(task.Peer, out PeerLedger? ledger))
        {
            ledger.IsBusy = false;
            ledger.BytesSent += succeeded ? task.Bytes : 0;
            ledger.BlocksSent += succeeded ? task.Blocks.Count : 0;
            Queue(task.Peer, ledger);
        }
    }

    private void Take(PeerId peer, PeerLedger ledger, WantEntry entry)
    {
        Remove(peer, ledger, entry.Cid);
        if (entry.IsCancel)
        {
            return;
        }

        int? size = Block.IsName(entry.Cid) ? sizeOf(entry.Cid) : null;
        var want = new Want(entry.Cid, entry.Priority, _order++, entry.WantsHave, size);
        if (size is { } bytes && (want.WantsHave || ledger.Wants.Count < options.MaxWantsPerPeer))
        {
            Answer(ledger, want, bytes);
            return;
        }

        if (entry.SendDontHave)
        {
            ledger.Presences.Enqueue(new BlockPresence(entry.Cid, false));
        }

        if (size is null && Block.IsName(entry.Cid) && ledger.Wants.Count < options.MaxWantsPerPeer)
        {
            ledger.Wants[entry.Cid] = want;
            (_waiting.TryGetValue(entry.Cid, out HashSet<PeerId>? peers) ? peers : _waiting[entry.Cid] = []).Add(peer);
        }
    }

    /// <summary>The block is here: it is to be sent, or said to be here.</summary>
    private void Answer(PeerLedger ledger, Want want, int size)
    {
        if (want.WantsHave && (size > options.MaxInlineBytes || ledger.Wants.Count >= options.MaxWantsPerPeer))
        {
            ledger.Presences.Enqueue(new BlockPresence(want.Cid, true));
            return;
        }

        ledger.Wants[want.Cid] = want with { Size = size };
        ledger.ReadyCount++;
    }

    private void Remove(PeerId peer, PeerLedger ledger, Cid cid)
    {
        ledger.Remove(cid);
        if (_waiting.TryGetValue(cid, out HashSet<PeerId>? peers) && peers.Remove(peer) && peers.Count == 0)
        {
            _waiting.Remove(cid);
        }
    }

    private void Queue(PeerId peer, PeerLedger ledger)
    {
        if (ledger is { HasWork: true, IsBusy: false } && _inTurns.Add(peer))
        {
            _turns.AddLast(peer);
        }
    }
}
