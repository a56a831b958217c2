using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Swarm.Peers;

/// <summary>What is known of other peers: where they may be dialled and what they said of themselves.</summary>
/// <remarks>
/// Of a connected peer everything of its last identify is kept; of another one a few addresses for a limited time. A
/// signed record replaces the older one and every unsigned address (go-libp2p#3487: old certified addresses never
/// left). Safe for several threads.
/// </remarks>
/// <param name="options">Caps and lifetimes.</param>
/// <param name="time">The clock.</param>
internal sealed class PeerStore(PeerStoreOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _entries = [];
    private int _connectedCount;

    /// <summary>Peers remembered, connected or not.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                RemoveExpired();
                return _entries.Count;
            }
        }
    }

    /// <summary>Opens a signed record and takes it when it is newer than the one kept.</summary>
    /// <param name="envelope">Untrusted bytes.</param>
    /// <param name="sender">The one peer whose record this may be; null when anybody may pass it on (rendezvous,
    /// mDNS).</param>
    /// <returns><see cref="EnvelopeCheck.Valid"/> also for a record no newer than the one kept.</returns>
    public EnvelopeCheck AddRecord(ReadOnlySpan<byte> envelope, PeerId? sender)
    {
        EnvelopeCheck check = sender is null ? SignerOf(envelope, out sender) : EnvelopeCheck.Valid;
        if (check != EnvelopeCheck.Valid)
        {
            return check;
        }

        check = PeerRecord.TryOpen(
            envelope, sender!, options.MaxRecordBytes, options.MaxAddresses, out PeerRecord? record);
        if (record is not null)
        {
            Take(record, envelope.ToArray());
        }

        return check;
    }

    /// <summary>Adds addresses that nobody signed. They are ignored once a signed record is there.</summary>
    public void AddAddresses(PeerId peer, IEnumerable<Multiaddr> addresses)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(peer);
            if (entry.Record is null)
            {
                AddAddresses(entry, addresses);
            }
        }
    }

    /// <summary>Takes over what a connected peer said; what it did not say stays.</summary>
    public void Describe(PeerId peer, IReadOnlyList<string>? protocols, string? agentVersion, string? protocolVersion)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(peer);
            entry.Protocols = protocols?.ToHashSet() ?? entry.Protocols;
            entry.AgentVersion = agentVersion ?? entry.AgentVersion;
            entry.ProtocolVersion = protocolVersion ?? entry.ProtocolVersion;
        }
    }

    /// <summary>The first connection is up: the peer does not expire any more.</summary>
    public void Connected(PeerId peer)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(peer);
            _connectedCount += entry.IsConnected ? 0 : 1;
            entry.IsConnected = true;
        }
    }

    /// <summary>The last connection is gone: a few addresses stay for a while.</summary>
    public void Disconnected(PeerId peer)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(peer, out Entry? entry) && entry.IsConnected)
            {
                entry.IsConnected = false;
                entry.Expires = time.GetUtcNow() + options.UnconnectedLifetime;
                entry.Protocols = null; // the next process of that peer may speak others
                _connectedCount--;
                if (entry.Addresses.Count > options.MaxUnconnectedAddresses)
                {
                    entry.Addresses.RemoveRange(
                        options.MaxUnconnectedAddresses, entry.Addresses.Count - options.MaxUnconnectedAddresses);
                }

                MakeRoom(adding: 0);
            }
        }
    }

    /// <summary>Where a peer may be dialled; nothing when it is unknown.</summary>
    public IReadOnlyList<Multiaddr> AddressesOf(PeerId peer)
    {
        lock (_lock)
        {
            return Find(peer) is { } entry ? [.. entry.Addresses] : [];
        }
    }

    /// <summary>Whether a connected peer speaks a protocol; null before it said.</summary>
    public bool? Speaks(PeerId peer, string protocol)
    {
        lock (_lock)
        {
            return Find(peer)?.Protocols?.Contains(protocol);
        }
    }

    /// <summary>The signed record kept of a peer.</summary>
    public byte[]? RecordOf(PeerId peer)
    {
        lock (_lock)
        {
            return Find(peer)?.RecordEnvelope;
        }
    }

    /// <summary>What is known of a peer, without its connections; null when nothing is.</summary>
    public PeerInfo? InfoOf(PeerId peer)
    {
        lock (_lock)
        {
            return Find(peer) is not { } entry
                ? null
                : new PeerInfo
                {
                    Peer = peer,
                    AgentVersion = entry.AgentVersion,
                    ProtocolVersion = entry.ProtocolVersion,
                    Protocols = entry.Protocols is { } protocols ? [.. protocols] : null,
                    Addresses = [.. entry.Addresses],
                    Connections = [],
                };
        }
    }

    private EnvelopeCheck SignerOf(ReadOnlySpan<byte> envelope, out PeerId? signer)
    {
        EnvelopeCheck check = SignedEnvelope.TryOpen(
            envelope, PeerRecord.Domain, PeerRecord.PayloadType, options.MaxRecordBytes, out SignedEnvelope? opened);
        signer = opened?.PublicKey.PeerId;
        return check;
    }

    private void Take(PeerRecord record, byte[] envelope)
    {
        lock (_lock)
        {
            Entry entry = GetOrAdd(record.PeerId);
            if (entry.Record is null || record.Seq > entry.Record.Seq)
            {
                entry.Record = record;
                entry.RecordEnvelope = envelope;
                entry.Addresses.Clear();
                AddAddresses(entry, record.Addresses);
            }
        }
    }

    private void AddAddresses(Entry entry, IEnumerable<Multiaddr> addresses)
    {
        int max = entry.IsConnected ? options.MaxAddresses : options.MaxUnconnectedAddresses;
        foreach (Multiaddr address in addresses)
        {
            if (entry.Addresses.Count >= max)
            {
                return;
            }

            if (address.WithoutPeerId() is { } bare && !entry.Addresses.Contains(bare))
            {
                entry.Addresses.Add(bare);
            }
        }
    }

    private Entry? Find(PeerId peer) =>
        _entries.TryGetValue(peer, out Entry? entry) && (entry.IsConnected || entry.Expires > time.GetUtcNow())
            ? entry
            : null;

    private Entry GetOrAdd(PeerId peer)
    {
        if (Find(peer) is { } found)
        {
            return found;
        }

        _entries.Remove(peer);
        MakeRoom(adding: 1);
        var entry = new Entry { Expires = time.GetUtcNow() + options.UnconnectedLifetime };
        _entries.Add(peer, entry);
        return entry;
    }

    private void MakeRoom(int adding)
    {
        if (_entries.Count - _connectedCount + adding > options.MaxUnconnectedPeers)
        {
            RemoveExpired();
        }

        while (_entries.Count - _connectedCount + adding > options.MaxUnconnectedPeers)
        {
            _entries.Remove(_entries.Where(e => !e.Value.IsConnected).MinBy(e => e.Value.Expires).Key);
        }
    }

    private void RemoveExpired()
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach ((PeerId peer, Entry entry) in _entries)
        {
            if (!entry.IsConnected && entry.Expires <= now)
            {
                _entries.Remove(peer);
            }
        }
    }

    private sealed class Entry
    {
        /// <summary>Without trailing peer ids and doubles, within the cap for the state of the peer.</summary>
        public List<Multiaddr> Addresses { get; } = [];

        /// <summary>The newest signed record; its addresses are the ones kept.</summary>
        public PeerRecord? Record { get; set; }

        public byte[]? RecordEnvelope { get; set; }

        /// <summary>Null before identify and after the last connection.</summary>
        public HashSet<string>? Protocols { get; set; }

        public string? AgentVersion { get; set; }

        public string? ProtocolVersion { get; set; }

        public bool IsConnected { get; set; }

        /// <summary>Counts only while not connected.</summary>
        public DateTimeOffset Expires { get; set; }
    }
}
