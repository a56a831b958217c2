using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How many circuits relays bring to this node, against the limits of <see cref="RelayClientOptions"/>.</summary>
/// <remarks>
/// Safe for several threads. Remembers relays that have circuits open or brought some lately; those without an open one are
/// forgotten when there are more than <see cref="MaxEntries"/>. Ask it only about relays that we hold a slot on.
/// </remarks>
/// <param name="options">The limits.</param>
/// <param name="time">Clock of the rates.</param>
internal sealed class CircuitGate(RelayClientOptions options, TimeProvider time)
{
    /// <summary>Relays remembered before idle ones are forgotten.</summary>
    public const int MaxEntries = 64;

    /// <summary>How often at most a relay is blamed for a caller that is not whom it named. A stranger can provoke that
    /// with any honest relay, so it must not add up to a ban: it costs less than the score recovers in this time.</summary>
    public static readonly TimeSpan BlameInterval = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _relays = [];
    private int _open;

    /// <summary>Circuits counted now.</summary>
    public int OpenCount => Volatile.Read(ref _open);

    /// <summary>Relays remembered now.</summary>
    public int EntryCount
    {
        get
        {
            lock (_lock)
            {
                return _relays.Count;
            }
        }
    }

    /// <summary>Counts a circuit until the ticket is disposed; null when a limit is reached.</summary>
    public IDisposable? TryEnter(PeerId relay)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(relay);
            if (_open >= options.MaxCircuits || entry.Open >= options.MaxCircuitsPerRelay || !TryTake(entry))
            {
                return null;
            }

            entry.Open++;
            _open++;
            return new Ticket(this, entry);
        }
    }

    /// <summary>Whether a relay is to be blamed for a caller that it misnamed; not more often than
    /// <see cref="BlameInterval"/>.</summary>
    public bool MayBlame(PeerId relay)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(relay);
            long now = time.GetTimestamp();
            bool may = entry.BlamedAt is not { } last || time.GetElapsedTime(last, now) >= BlameInterval;
            entry.BlamedAt = may ? now : entry.BlamedAt;
            return may;
        }
    }

    private Entry GetOrAdd(PeerId relay)
    {
        if (!_relays.TryGetValue(relay, out Entry? entry))
        {
            if (_relays.Count >= MaxEntries)
            {
                ForgetIdle();
            }

            _relays.Add(relay, entry = new Entry { Tokens = options.CircuitBurst, At = time.GetTimestamp() });
        }

        return entry;
    }

    private void ForgetIdle()
    {
        foreach ((PeerId relay, Entry entry) in _relays)
        {
            if (entry.Open == 0)
            {
                _relays.Remove(relay);
            }
        }
    }

    private bool TryTake(Entry entry)
    {
        long now = time.GetTimestamp();
        double back = time.GetElapsedTime(entry.At, now).TotalSeconds * options.CircuitsPerSecond;
        entry.Tokens = Math.Min(options.CircuitBurst, entry.Tokens + back);
        entry.At = now;
        if (entry.Tokens < 1)
        {
            return false;
        }

        entry.Tokens--;
        return true;
    }

    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            entry.Open--;
            _open--;
        }
    }

    private sealed class Entry
    {
        public int Open { get; set; }

        /// <summary>Circuits that may come now, at <see cref="At"/>.</summary>
        public double Tokens { get; set; }

        public long At { get; set; }

        public long? BlamedAt { get; set; }
    }

    private sealed class Ticket(CircuitGate gate, Entry entry) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                gate.Leave(entry);
            }
        }
    }
}
