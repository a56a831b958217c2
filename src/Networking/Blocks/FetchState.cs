using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;

namespace P2PLearn.Networking.Blocks;

/// <summary>What came of a block that a provider sent.</summary>
internal enum BlockVerdict
{
    /// <summary>It is to be stored.</summary>
    Wanted,

    /// <summary>Asked for, but it came from somebody else before.</summary>
    Duplicate,

    /// <summary>Never asked of this provider.</summary>
    Unasked,
}

/// <summary>What a fetch wants done.</summary>
internal abstract record FetchEffect(PeerId Peer);

/// <summary>Send this wantlist.</summary>
internal sealed record SendWants(PeerId Peer, IReadOnlyList<WantEntry> Wants) : FetchEffect(Peer);

/// <summary>A provider is dropped, and why.</summary>
internal sealed record ProviderDropped(PeerId Peer, EndReason Reason) : FetchEffect(Peer);

/// <summary>Which blocks to ask of which provider: the client's session of bitswap as a pure state machine.</summary>
/// <remarks>
/// Every provider is asked which of the missing blocks it has, and told when that ends. A block that fewest have is asked for first, ties in
/// an order of this fetch's own, so that those who fetch the same at once take different blocks first and can give them to each other.
/// The provider that has fewest is asked first, then the fastest: what only one has is left to that one. Each has a window by its measured
/// rate. Events in with the time since the start, effects out; not safe for several threads.
/// </remarks>
internal sealed class FetchState
{
    private readonly FetchOptions _options;
    private readonly Dictionary<Cid, Wanted> _missing; // not yet received
    private readonly Dictionary<PeerId, FetchProvider> _providers = [];
    private readonly Dictionary<PeerId, List<WantEntry>> _outgoing = [];
    private readonly List<FetchEffect> _dropped = [];
    private readonly HashSet<Cid> _storing = [];

    public FetchState(IEnumerable<BlockRef> missing, FetchOptions options, Random random)
    {
        _options = options;
        BlockRef[] blocks = [.. missing.DistinctBy(b => b.Cid)];
        random.Shuffle(blocks);
        _missing = blocks.Select((b, i) => new Wanted(b.Cid, b.Size, i)).ToDictionary(w => w.Cid);
    }

    /// <summary>Everything has come and is stored.</summary>
    public bool IsDone => _missing.Count == 0 && _storing.Count == 0;

    /// <summary>Somebody has, or is sending, something that is missing. Without hope nothing comes until a provider tells of a block, or a new one is found.</summary>
    public bool HasHope => _storing.Count > 0 || _missing.Values.Any(w => w.Havers > 0 || w.Askers > 0);

    public int ProviderCount => _providers.Count;

    public double Rate => _providers.Values.Sum(p => p.Rate);

    public bool HasProvider(PeerId peer) => _providers.ContainsKey(peer);

    /// <summary>A peer that may have the blocks is reached.</summary>
    public IReadOnlyList<FetchEffect> AddProvider(PeerId peer, TimeSpan now)
    {
        if (_providers.Count < _options.MaxProviders && _providers.TryAdd(peer, new FetchProvider(peer, _options)))
        {
            Probe(_providers[peer]);
        }

        return Effects(now);
    }

    /// <summary>A provider is gone: what it owes is asked of others.</summary>
    public IReadOnlyList<FetchEffect> RemoveProvider(PeerId peer, TimeSpan now)
    {
        Remove(peer);
        return Effects(now);
    }

    /// <summary>A provider says what it has, and has not.</summary>
    public IReadOnlyList<FetchEffect> Presences(PeerId peer, IReadOnlyList<BlockPresence> presences, TimeSpan now)
    {
        if (!_providers.TryGetValue(peer, out FetchProvider? provider))
        {
            return [];
        }

        bool isFreed = false;
        foreach (BlockPresence presence in presences)
        {
            if (!_missing.TryGetValue(presence.Cid, out Wanted? wanted) || !provider.Asked.Contains(presence.Cid))
            {
                continue;
            }

            if (presence.Has)
            {
                provider.Probes.Remove(presence.Cid);
                wanted.Havers += provider.Has.Add(presence.Cid) ? 1 : 0;
            }
            else
            {
                isFreed |= HasNot(provider, wanted);
            }
        }

        Probe(provider);
        return isFreed ? Effects(now) : Effects(provider, now);
    }

    /// <summary>A block has come, and is what its name says.</summary>
    public BlockVerdict Received(PeerId peer, Cid cid, int size, TimeSpan now)
    {
        if (!_providers.TryGetValue(peer, out FetchProvider? provider) || !provider.Asked.Contains(cid))
        {
            return BlockVerdict.Unasked;
        }

        provider.Delivered(cid, size, now);
        if (!_missing.Remove(cid))
        {
            return BlockVerdict.Duplicate;
        }

        _storing.Add(cid);
        foreach (FetchProvider other in _providers.Values)
        {
            other.Has.Remove(cid);
            bool waits = other.Probes.Remove(cid) | other.Owed.ContainsKey(cid);
            other.Forget(cid);
            if (waits && other != provider)
            {
                Send(other, new WantEntry(cid, 0, true, false, false));
            }
        }

        return BlockVerdict.Wanted;
    }

    /// <summary>Asks for more, now that what has come left room. Not only when it is stored: the line would wait for the disk.</summary>
    public IReadOnlyList<FetchEffect> Refill(PeerId peer, TimeSpan now) =>
        _providers.TryGetValue(peer, out FetchProvider? provider) ? Effects(provider, now) : TakeEffects();

    /// <summary>A block that had come is stored; what to ask for next was said when it came.</summary>
    public void Stored(Cid cid) => _storing.Remove(cid);

    /// <summary>A provider sent what was not asked of it, or broke a rule.</summary>
    public IReadOnlyList<FetchEffect> Lied(PeerId peer, TimeSpan now)
    {
        Drop(peer, EndReason.UnexpectedMessage);
        return Effects(now);
    }

    /// <summary>Bytes of a message that is not complete have come.</summary>
    public void Progress(PeerId peer, int bytes, TimeSpan now) => _providers.GetValueOrDefault(peer)?.Progress(bytes, now);

    /// <summary>A block has come that waits until the store has room; meanwhile its provider, which cannot send on, is not stalled.</summary>
    public void Hold(PeerId peer) => _providers.GetValueOrDefault(peer)?.Hold();

    /// <summary>The block waits no more.</summary>
    public void Release(PeerId peer, TimeSpan now) => _providers.GetValueOrDefault(peer)?.Release(now);

    /// <summary>Time has passed.</summary>
    public IReadOnlyList<FetchEffect> Tick(TimeSpan now)
    {
        foreach (FetchProvider stalled in _providers.Values.Where(p => p.IsStalled(now)).ToArray())
        {
            Drop(stalled.Peer, EndReason.Timeout);
        }

        return Effects(now);
    }

    /// <summary>The fetch is over, done or not: nothing is wanted any more.</summary>
    public IReadOnlyList<FetchEffect> End()
    {
        FetchEffect[] effects =
        [
            .. _providers.Values
                .Select(p => (p.Peer, Open: p.Probes.Union(p.Owed.Keys)))
                .Where(p => p.Open.Any())
                .Select(p => new SendWants(p.Peer, [.. p.Open.Select(c => new WantEntry(c, 0, true, false, false))])),
        ];
        _providers.Clear();
        return effects;
    }

    /// <summary>After what concerns one provider alone: with hundreds of blocks and news of each from each provider, looking through all of
    /// them each time cost more than anything else here.</summary>
    private FetchEffect[] Effects(FetchProvider provider, TimeSpan now)
    {
        Assign(provider, now);
        return TakeEffects();
    }

    private FetchEffect[] Effects(TimeSpan now)
    {
        foreach (FetchProvider provider in _providers.Values.OrderBy(p => p.Has.Count).ThenByDescending(p => p.Rate))
        {
            Assign(provider, now);
        }

        return TakeEffects();
    }

    private FetchEffect[] TakeEffects()
    {
        if (_outgoing.Count == 0 && _dropped.Count == 0)
        {
            return [];
        }

        FetchEffect[] effects = [.. _dropped, .. _outgoing.Select(o => new SendWants(o.Key, o.Value))];
        _dropped.Clear();
        _outgoing.Clear();
        return effects;
    }

    private void Assign(FetchProvider provider, TimeSpan now)
    {
        while (provider.OwedBytes < provider.WindowBytes && Choose(provider, now) is { } wanted && provider.HasRoomFor(wanted.Size))
        {
            wanted.Askers++;
            provider.Ask(wanted.Cid, wanted.Size, now);
            Send(provider, new WantEntry(wanted.Cid, 1, false, false, true));
        }
    }

    /// <summary>The rarest block that this provider has and nobody was asked for; at the very end one that is late.</summary>
    private Wanted? Choose(FetchProvider provider, TimeSpan now)
    {
        Wanted? best = null;
        foreach (Cid cid in provider.Has)
        {
            Wanted wanted = _missing[cid];
            if (wanted.Askers == 0 && (best is null || (wanted.Havers, wanted.Order).CompareTo((best.Havers, best.Order)) < 0))
            {
                best = wanted;
            }
        }

        return best ?? (provider.Owed.Count == 0 ? Late(provider, now) : null);
    }

    private Wanted? Late(FetchProvider provider, TimeSpan now) => provider.Has.Select(c => _missing[c]).FirstOrDefault(
        w => w.Askers == 1 && _providers.Values.Any(
            p => p != provider && p.Owed.TryGetValue(w.Cid, out (TimeSpan At, long, int) owed) && now - owed.At >= _options.EndgameAfter));

    private void Probe(FetchProvider provider)
    {
        if (provider.Probes.Count >= _options.MaxProbes)
        {
            return;
        }

        foreach (Wanted wanted in _missing.Values.OrderBy(w => w.Order))
        {
            if (!provider.Asked.Contains(wanted.Cid))
            {
                provider.Asked.Add(wanted.Cid);
                provider.Probes.Add(wanted.Cid);
                Send(provider, new WantEntry(wanted.Cid, 1, false, true, true));
                if (provider.Probes.Count == _options.MaxProbes)
                {
                    return;
                }
            }
        }
    }

    /// <returns>It was asked for the block, which is now free for others.</returns>
    private static bool HasNot(FetchProvider provider, Wanted wanted)
    {
        wanted.Havers -= provider.Has.Remove(wanted.Cid) ? 1 : 0;
        if (!provider.Owed.ContainsKey(wanted.Cid))
        {
            return false;
        }

        provider.Forget(wanted.Cid);
        wanted.Askers--;
        return true;
    }

    private void Drop(PeerId peer, EndReason reason)
    {
        if (Remove(peer))
        {
            _dropped.Add(new ProviderDropped(peer, reason));
        }
    }

    private bool Remove(PeerId peer)
    {
        if (!_providers.Remove(peer, out FetchProvider? provider))
        {
            return false;
        }

        foreach (Cid cid in provider.Has)
        {
            _missing[cid].Havers--;
        }

        foreach (Cid cid in provider.Owed.Keys)
        {
            _missing[cid].Askers--;
        }

        _outgoing.Remove(peer);
        return true;
    }

    private void Send(FetchProvider provider, WantEntry entry)
    {
        if (!_outgoing.TryGetValue(provider.Peer, out List<WantEntry>? entries))
        {
            _outgoing[provider.Peer] = entries = [];
        }

        entries.Add(entry);
    }

    /// <summary>A missing block: in how many providers' hands, and how many were asked for it.</summary>
    private sealed class Wanted(Cid cid, int size, int order)
    {
        public Cid Cid => cid;

        public int Size => size;

        public int Order => order;

        public int Havers { get; set; }

        public int Askers { get; set; }
    }
}
