using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Relays for others: gives out slots, and joins circuits to those that hold one.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2. Safe for several threads. A request lives in the handler of its hop stream, and so
/// does its circuit: the connections own them, and <see cref="DisposeAsync"/> ends and awaits what is left.
/// </remarks>
internal sealed class RelayServer : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ISwarmNetwork _network;
    private readonly RelayServerOptions _options;
    private readonly ILogger _log;
    private readonly RelayBooks _books;
    private readonly HopRequests _requests;
    private readonly RelayCircuits _circuits;
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IDisposable? _registration;
    private int _serving;
    private bool _disposed;

    /// <param name="network">The swarm; not owned.</param>
    /// <param name="options">The limits.</param>
    public RelayServer(ISwarmNetwork network, RelayServerOptions options)
    {
        options.Validate();
        (_network, _options) = (network, options);
        _log = network.LoggerFactory.CreateLogger<RelayServer>();
        _books = new RelayBooks(options, network.Time, _log);
        _requests = new HopRequests(network, options, _books, _log);
        _circuits = new RelayCircuits(options, _books, network.Time, _log);
        network.Closed += OnClosed;
    }

    /// <summary>The status changed; told at most once in <see cref="RelayBooks.ChangePause"/>, and not for every byte. Handlers
    /// must not block.</summary>
    public event Action? Changed
    {
        add => _books.Changed += value;
        remove => _books.Changed -= value;
    }

    /// <summary>What this relay does now.</summary>
    public RelayServerStatus Status => _books.Status;

    /// <summary>What is counted; for tests.</summary>
    internal int LedgerEntryCount => _books.EntryCount;

    /// <summary>Begins or ends to serve: identify tells the peers. Ending takes the reservations back and lets circuits
    /// finish. Harmless when repeated, and without effect after disposal.</summary>
    public void SetActive(bool active)
    {
        lock (_lock)
        {
            if (_disposed || active == _registration is not null)
            {
                return;
            }

            if (active)
            {
                Activate();
            }
            else
            {
                Deactivate();
            }
        }
    }

    /// <summary>Ends everything, circuits too. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        SetActive(false);
        lock (_lock)
        {
            _disposed = true;
            if (_serving == 0)
            {
                _drained.TrySetResult();
            }
        }

        _network.Closed -= OnClosed;
        await _closing.CancelAsync().ConfigureAwait(false);
        _circuits.EndAll();
        await _drained.Task.ConfigureAwait(false);
        _circuits.Dispose();
        await _books.DisposeAsync().ConfigureAwait(false);
    }

    private void Activate()
    {
        _books.Open();
        // a stream for each circuit of a source, and for requests that are still being looked at
        int streams = Math.Max(_options.MaxCircuitsPerMember, _options.MaxCircuitsPerPeer) + _options.MaxRequestsPerPeer;
        _registration = _network.Handle(RelayProtocols.Hop, ServeAsync, streams);
        RelayServerLog.Activated(_log, _options.MaxReservations, _options.MaxCircuits);
    }

    private void Deactivate()
    {
        _registration?.Dispose();
        _registration = null;
        _books.Close();
        RelayServerLog.Deactivated(_log, _books.Status.Circuits);
    }

    /// <summary>Serves a hop stream: its one request, and the circuit that may come of it.</summary>
    private async Task ServeAsync(PeerStream opened, CancellationToken cancellationToken)
    {
        var stream = (SwarmStream)opened;
        var client = new HopClient(
            stream.RemotePeer,
            RelayAddresses.IpOf(stream.Connection.RemoteAddress),
            _options.IsMember(stream.RemotePeer));
        if (!TryEnter())
        {
            stream.Reset(EndReason.ClosedLocally);
            return;
        }

        try
        {
            if (await AnswerAsync(stream, client, cancellationToken).ConfigureAwait(false) is { } accepted)
            {
                await _circuits.RunAsync(stream, accepted, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            Leave();
        }
    }

    private async Task<AcceptedCircuit?> AnswerAsync(
        SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        if (!_books.TryBegin(client))
        {
            _requests.Refused(client.Peer, nameof(EndReason.TooManyRequests));
            _requests.Flooded(client);
            stream.Reset(EndReason.TooManyRequests);
            return null;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        try
        {
            return await _requests.AnswerAsync(stream, client, either.Token).ConfigureAwait(false);
        }
        finally
        {
            _books.EndRequest(client.Peer);
        }
    }

    private bool TryEnter()
    {
        lock (_lock)
        {
            _serving += _disposed ? 0 : 1;
            return !_disposed;
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _serving--;
            if (_disposed && _serving == 0)
            {
                _drained.TrySetResult();
            }
        }
    }

    private void OnClosed(SwarmConnection connection) => _requests.ReleaseIfGone(connection.RemotePeer);
}
