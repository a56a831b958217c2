using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Keeps refused peers from keeping us busy: counts proofs per peer and remembers refusals for a while.</summary>
/// <remarks>Outlives connections, so that reconnecting starts nothing anew. Safe for several threads. Bounded.</remarks>
/// <param name="options">Limits and times.</param>
/// <param name="time">The clock.</param>
internal sealed class AdmissionPace(MeshOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _entries = [];

    /// <summary>Peers remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Whether another proof may begin now; counts nothing.</summary>
    public bool MayBegin(PeerId peer)
    {
        lock (_lock)
        {
            return !_entries.TryGetValue(peer, out Entry? entry) || entry.WindowEnds <= time.GetUtcNow() || entry.Proofs < options.MaxProofsPerPeer;
        }
    }

    /// <summary>Counts a proof that begins.</summary>
    /// <returns>False when there were too many with this peer lately.</returns>
    public bool TryBegin(PeerId peer)
    {
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            Entry entry = GetOrAdd(peer, now);
            if (entry.WindowEnds <= now)
            {
                entry.WindowEnds = now + options.ProofWindow;
                entry.Proofs = 0;
            }

            return ++entry.Proofs <= options.MaxProofsPerPeer;
        }
    }

    /// <summary>Remembers a refusal.</summary>
    /// <returns>True when the same is not remembered already, so that a person is told once.</returns>
    public bool Refused(PeerId peer, MeshVerdict verdict)
    {
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            Entry entry = GetOrAdd(peer, now);
            bool news = entry.RefusalEnds <= now || entry.Refusal?.Refusal != verdict.Refusal;
            entry.Refusal = verdict;
            entry.RefusalEnds = now + options.RetryPause;
            return news;
        }
    }

    /// <summary>The refusal for which we leave a peer alone now; null: none.</summary>
    public MeshVerdict? HeldOff(PeerId peer)
    {
        lock (_lock)
        {
            return _entries.TryGetValue(peer, out Entry? entry) && entry.RefusalEnds > time.GetUtcNow() && entry.Refusal is { IsFirm: true }
                ? entry.Refusal
                : null;
        }
    }

    /// <summary>Forgets a peer that was admitted.</summary>
    public void Succeeded(PeerId peer)
    {
        lock (_lock)
        {
            _entries.Remove(peer);
        }
    }

    private Entry GetOrAdd(PeerId peer, DateTimeOffset now)
    {
        if (!_entries.TryGetValue(peer, out Entry? entry))
        {
            MakeRoom(now);
            _entries.Add(peer, entry = new Entry());
        }

        return entry;
    }

    private void MakeRoom(DateTimeOffset now)
    {
        if (_entries.Count < options.MaxRememberedPeers)
        {
            return;
        }

        foreach ((PeerId peer, Entry entry) in _entries)
        {
            if (entry.Ends <= now)
            {
                _entries.Remove(peer);
            }
        }

        if (_entries.Count >= options.MaxRememberedPeers)
        {
            _entries.Remove(_entries.MinBy(e => e.Value.Ends).Key);
        }
    }

    private sealed class Entry
    {
        /// <summary>Proofs begun within the window.</summary>
        public int Proofs { get; set; }

        public DateTimeOffset WindowEnds { get; set; }

        /// <summary>The last refusal; counts until <see cref="RefusalEnds"/>.</summary>
        public MeshVerdict? Refusal { get; set; }

        public DateTimeOffset RefusalEnds { get; set; }

        public DateTimeOffset Ends => WindowEnds > RefusalEnds ? WindowEnds : RefusalEnds;
    }
}
