using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>The distributed hash table of a swarm: finds peers, values and providers, and keeps some for others.</summary>
/// <remarks>
/// Source: libp2p specs, kad-dht. It learns of servers by identify, fills its table by lookups, tells its own values and
/// keys again before others forget them, and answers others while it is a server. Also the swarm's router, when that is set.
/// All work in the background is owned. Safe for several threads. Dispose it before the swarm.
/// </remarks>
public sealed class KadService : IPeerRouter, IAsyncDisposable
{
    /// <summary>Peers that wait to be pinged for their place in the table.</summary>
    private const int MaxWaitingPings = 64;

    /// <summary>Searches for peers at once; further ones find nothing.</summary>
    private const int MaxRouted = 16;

    private static readonly TimeSpan FillDelay = TimeSpan.FromSeconds(1);
    private readonly Swarm.Swarm _swarm;
    private readonly KadOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly KadState _state;
    private readonly KadServer _server;
    private readonly KadRequester _requester;
    private readonly KadClient _client;
    private readonly Announcer _announcer;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskGroup _tasks;
    private readonly SemaphoreSlim _routed = new(MaxRouted); // no wait handle behind it: needs no disposal
    private readonly Channel<KadPeer> _pings = Channel.CreateBounded<KadPeer>(
        new BoundedChannelOptions(MaxWaitingPings) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    // At most one signal: the table is filled as it is when the loop looks.
    private readonly Channel<bool> _fill = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private IDisposable? _registration;
    private bool _ended;

    /// <summary>Begins at once.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The swarm serves the protocol already.</exception>
    public KadService(Swarm.Swarm swarm, KadOptions options)
    {
        ArgumentNullException.ThrowIfNull(swarm);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (_swarm, _options, _time) = (swarm, options, swarm.Network.Time);
        _log = swarm.Network.LoggerFactory.CreateLogger<KadService>();
        _tasks = new TaskGroup(e => KadLog.Unexpected(_log, e));
        IKadStorage storage = options.Storage ?? new MemoryKadStorage();
        _state = new KadState(swarm.LocalPeer, options, Connected, storage, _time);
        _server = new KadServer(_state, options, storage, swarm.Network);
        _requester = new KadRequester(swarm, options, _state, _log);
        _requester.PingWanted += peer => _pings.Writer.TryWrite(peer);
        _client = new KadClient(swarm, options, _state, _requester, _log);
        _announcer = new Announcer(_client, new Announcements(options, storage, _time.GetUtcNow()), storage, _time);
        swarm.Network.Identified += OnIdentified;
        SetServer(options.Mode == KadMode.Server);
        if (options.Mode == KadMode.Auto && swarm.Nat is { } nat)
        {
            nat.Changed += OnReachability;
            OnReachability(nat.Status);
        }

        foreach (SwarmConnection connection in swarm.Network.Connections)
        {
            OnIdentified(connection);
        }

        _tasks.TryRun(PingAsync);
        _tasks.TryRun(CloseUnusedAsync);
        _tasks.TryRun(MaintainAsync);
    }

    /// <summary>This node answers others now.</summary>
    public bool IsServer
    {
        get
        {
            lock (_lock)
            {
                return _registration is not null;
            }
        }
    }

    /// <summary>The DHT of this node now.</summary>
    public KadStatus Status
    {
        get
        {
            (int peers, int records, long bytes, int providers) = _state.Sizes;
            return new KadStatus(IsServer, peers, records, bytes, providers, _announcer.Count);
        }
    }

    /// <summary>Looks this node up, then every bucket that no lookup went through lately: the table is as full as the network
    /// allows.</summary>
    public async Task BootstrapAsync(CancellationToken cancellationToken)
    {
        await _client.ClosestAsync(_swarm.LocalPeer.Bytes.ToArray(), cancellationToken).ConfigureAwait(false);
        foreach (int bucket in _state.StaleBuckets(_time.GetUtcNow() - _options.RefreshInterval)
            .Where(b => b <= RefreshTarget.DeepestBucket))
        {
            byte[] key = RefreshTarget.Find(_state.SelfKey, bucket, RandomNumberGenerator.Fill);
            await _client.ClosestAsync(key, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Where a peer may be dialled, by its own connection, the table or the network.</summary>
    /// <returns>Nothing when nobody knows. Untrusted: the handshake tells who is really there.</returns>
    public async ValueTask<IReadOnlyList<Multiaddr>> FindPeerAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);

        // The swarm asks here when it cannot reach a peer, also one that a lookup is dialling: that must not start another.
        if (_requester.IsAsking(peer) || !await _routed.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false))
        {
            return [];
        }

        try
        {
            return await _client.FindPeerAsync(peer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _routed.Release();
        }
    }

    /// <summary>Stores a value with the peers closest to its key, and again every <see cref="KadOptions.RepublishInterval"/>
    /// while it holds. That it is to be told is durable before anybody is.</summary>
    /// <exception cref="IOException">The storage failed; nobody was told yet.</exception>
    public Task<KadPutResult> PutValueAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        _announcer.PutValueAsync(key, value, cancellationToken);

    /// <summary>Searches the best value of a key; peers with a worse one are told of it in the background.</summary>
    /// <returns>Null when nobody who was asked has one that holds.</returns>
    public async Task<KadValue?> GetValueAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        KadValue? found = await _client.GetValueAsync(key, cancellationToken).ConfigureAwait(false);
        if (found is { Outdated.Count: > 0 })
        {
            _tasks.TryRun(() => _client.CorrectAsync(key, found, _closing.Token));
        }

        return found;
    }

    /// <summary>Tells the peers closest to a key that this node provides it, and again every
    /// <see cref="KadOptions.RepublishInterval"/> until <see cref="StopProviding"/>. That is durable before anybody is told.</summary>
    /// <returns>How many were told.</returns>
    /// <exception cref="IOException">The storage failed; nobody was told yet.</exception>
    public Task<int> ProvideAsync(Multihash key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _announcer.ProvideAsync(key, cancellationToken);
    }

    /// <summary>A key is not told again; others forget it within <see cref="ProviderStoreOptions.Lifetime"/>.</summary>
    public void StopProviding(Multihash key)
    {
        ArgumentNullException.ThrowIfNull(key);
        _announcer.StopProviding(key);
    }

    /// <summary>Searches providers of a key, each given once and as soon as it is found.</summary>
    /// <param name="key">The key.</param>
    /// <param name="max">The search ends with so many.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public IAsyncEnumerable<KadPeer> FindProvidersAsync(Multihash key, int max, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(max);
        return _client.FindProvidersAsync(key, max, cancellationToken);
    }

    /// <summary>Serves no longer and ends what runs in the background. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            _registration?.Dispose();
            _registration = null;
        }

        _swarm.Network.Identified -= OnIdentified;
        if (_swarm.Nat is { } nat)
        {
            nat.Changed -= OnReachability;
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    private KadPeer? Connected(PeerId peer) => _swarm.Network.ConnectionsOf(peer).Count > 0
        ? new KadPeer(peer, _swarm.Network.AddressesOf(peer))
        : null;

    /// <summary>Who can be dialled by anybody serves.</summary>
    internal void OnReachability(NatStatus status) => SetServer(
        status.Reachability == Reachability.Public
        || (_options.ServesWithoutNat && status is
        {
            Reachability: Reachability.Unknown,
            Relays.Count: 0,
            Mapping: NatMapping.None or NatMapping.Unknown,
        }));

    private void SetServer(bool isServer)
    {
        lock (_lock)
        {
            if (_ended || isServer == _registration is not null)
            {
                return;
            }

            if (isServer)
            {
                _registration = _swarm.Handle(_options.Protocol, _server.ServeAsync, _options.MaxStreamsPerPeer);
                KadLog.Serving(_log, _options.Protocol.Value);
            }
            else
            {
                _registration!.Dispose();
                _registration = null;
                KadLog.NotServing(_log, _options.Protocol.Value);
            }
        }
    }

    /// <summary>kad-dht: whoever says that it speaks the protocol is a server; whoever does no longer is none.</summary>
    private void OnIdentified(SwarmConnection connection)
    {
        PeerId peer = connection.RemotePeer;
        bool? speaks = _swarm.Network.Speaks(peer, _options.Protocol);
        if (speaks == true)
        {
            bool isNew = _state.Find(peer) is null;
            _requester.Seen(peer);
            if (isNew && _state.Sizes.Peers <= _options.Table.BucketSize)
            {
                _fill.Writer.TryWrite(true);
            }
        }
        else if (speaks == false)
        {
            _state.Remove(peer);
        }
    }

    private async Task PingAsync()
    {
        await foreach (KadPeer peer in _pings.Reader.ReadAllAsync(_closing.Token).ConfigureAwait(false))
        {
            // PING is not to be sent any more: any answer will do, and this one is of use.
            var request = new KadMessage { Type = KadMessageType.FindNode, Key = _swarm.LocalPeer.Bytes.ToArray() };
            await _requester.AskAsync(peer, request, _closing.Token).ConfigureAwait(false);
        }
    }

    private async Task CloseUnusedAsync()
    {
        while (true)
        {
            await Task.Delay(_options.DialledCheckInterval, _time, _closing.Token).ConfigureAwait(false);
            _requester.CloseUnused();
        }
    }

    /// <summary>Fills the table when it is small and somebody new came, and looks after everything now and then.</summary>
    private async Task MaintainAsync()
    {
        while (true)
        {
            using (var wait = new Deadline(_options.RefreshInterval, _time, _closing.Token))
            {
                try
                {
                    await _fill.Reader.ReadAsync(wait.Token).ConfigureAwait(false);
                    await Task.Delay(FillDelay, _time, wait.Token).ConfigureAwait(false); // others may come at the same time
                }
                catch (OperationCanceledException) when (!_closing.IsCancellationRequested)
                {
                    // It is time anyway.
                }
            }

            if (_swarm.Nat is { } nat)
            {
                await nat.FirstAnswerAsync(_closing.Token).ConfigureAwait(false); // the lookups dial many
            }

            _state.RemoveExpired();
            await BootstrapAsync(_closing.Token).ConfigureAwait(false);
            await _announcer.TellDueAsync(_closing.Token).ConfigureAwait(false);
        }
    }
}
