using System.Net;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Finds out at which addresses this node can be reached, and tells others at which they can.</summary>
/// <remarks>
/// Gathers what peers observe, has connected servers test what may be public, and serves their requests. All decisions are
/// in <see cref="ObservedAddresses"/>, <see cref="AddressBook"/> and <see cref="ProbePlan"/>; this is the shell around them:
/// one loop that asks the plan what to do, and one task for each probe. Safe for several threads.
/// </remarks>
internal sealed class AutoNatService : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(1);
    private readonly ISwarmNetwork _network;
    private readonly AutoNatOptions _options;
    private readonly AddressRule _rule;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskGroup _tasks;
    private readonly ObservedAddresses _observed;
    private readonly AddressBook _book;
    private readonly ProbePlan _plan;
    private readonly Contacts _contacts;
    private readonly AutoNatClient _client;
    private readonly DialBackInbox _inbox;
    private readonly AutoNatServer _server;
    private readonly AutoNatServerV1 _serverV1;
    private readonly Dictionary<long, DateTimeOffset> _identifiedAt = []; // by connection; each leaves with its own
    private readonly HashSet<long> _dialled = []; // connections that _contacts was told of
    private readonly SortedDictionary<AddressSource, Multiaddr[]> _given = [];
    private readonly List<IDisposable> _registrations = [];
    private IReadOnlyCollection<IPAddress> _ownIps = [];
    private AutoNatStatus _status = new();
    private readonly TaskCompletionSource _firstAnswer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _biasedAnswers;
    private DateTimeOffset? _askedSince; // when the first request came that had to wait for our own first answer
    private Task? _disposal;
    private bool _started;

    // At most one signal: the loop looks at everything whatever woke it.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    /// <param name="network">The swarm.</param>
    /// <param name="options">Thresholds, intervals and limits.</param>
    /// <param name="publicRule">Which addresses are public.</param>
    public AutoNatService(ISwarmNetwork network, AutoNatOptions options, AddressRule publicRule)
    {
        (_network, _options, _rule) = (network, options, publicRule);
        _log = network.LoggerFactory.CreateLogger<AutoNatService>();
        _tasks = new TaskGroup(e => AutoNatLog.Unexpected(_log, e));
        _observed = new ObservedAddresses(options, publicRule);
        _book = new AddressBook(options, publicRule);
        _plan = new ProbePlan(options, RandomNumberGenerator.GetInt32);
        _contacts = new Contacts(options.ContactMemory);
        var requester = new DialRequester(options, network.Time);
        _inbox = new DialBackInbox(network, options.Limits, Counters);
        _client = new AutoNatClient(network, options, requester, _inbox, Counters);
        var policy = new DialPolicy(options.Limits, publicRule, () => Volatile.Read(ref _ownIps));
        var dialer = new DialBacker(network, options.Limits);
        var delegation = new DialDelegation(network, options.Limits, publicRule, requester, Counters);
        _server = new AutoNatServer(network, options.Limits, policy, dialer, delegation, ServesNow, Counters);
        _serverV1 = new AutoNatServerV1(network, options.Limits, policy, dialer, ServesNow, Counters);
    }

    /// <summary>Something of what is known changed. One at a time; handlers must not block.</summary>
    public event Action? Changed;

    /// <summary>Every address of this node that is known or was looked at, those that may be public first.</summary>
    /// <remarks>Those of source <see cref="AddressSource.Observed"/> that are <see cref="Reachability.Public"/> are worth
    /// announcing.</remarks>
    public IReadOnlyList<AddressStatus> Addresses => Volatile.Read(ref _status).Addresses;

    /// <summary>Whether anybody can dial this node.</summary>
    /// <remarks>
    /// <see cref="Reachability.Unknown"/> also when only those get through that this node had contacted, as far as is
    /// known: a NAT that filters by address looks like that, and a full-cone one before a stranger came.
    /// </remarks>
    public Reachability Overall => Volatile.Read(ref _status).Overall;

    /// <summary>Whom the NAT lets in.</summary>
    /// <remarks><see cref="NatFiltering.EndpointIndependent"/> when somebody got in whom we had not contacted;
    /// <see cref="NatFiltering.EndpointDependent"/> when servers did not.</remarks>
    public NatFiltering Filtering => Volatile.Read(ref _status).Filtering;

    /// <summary>How the NAT chooses ports, by what observers at different IPs see.</summary>
    public NatMapping Mapping
    {
        get
        {
            lock (_lock)
            {
                return MappingAt(Now);
            }
        }
    }

    /// <summary>Where a hole can be punched: what those that we dialled see us at, the most seen first, few of each
    /// family.</summary>
    public IReadOnlyList<Multiaddr> PunchAddresses
    {
        get
        {
            lock (_lock)
            {
                return _observed.PunchAddresses(Now);
            }
        }
    }

    /// <summary>What happened so far.</summary>
    public AutoNatCounters Counters { get; } = new();

    private DateTimeOffset Now => _network.Time.GetUtcNow();

    /// <summary>Begins to serve and to ask. Once.</summary>
    public void Start()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposal is not null, this);
            if (_started)
            {
                return;
            }

            _started = true;
            Register();
        }

        _network.Dialling += OnDialling;
        _network.Opened += OnOpened;
        _network.Identified += OnIdentified;
        _network.Closed += OnClosed;
        _network.AddressesChanged += Wake;
        foreach (SwarmConnection connection in _network.Connections)
        {
            OnOpened(connection);
            if (_network.Speaks(connection.RemotePeer, AutoNatProtocol.DialRequest) is not null)
            {
                OnIdentified(connection);
            }
        }

        Step();
        _tasks.TryRun(RunAsync);
    }

    /// <summary>Replaces the addresses that were learnt in another way, to be tested too.</summary>
    /// <param name="source">How: configured or mapped.</param>
    /// <param name="addresses">All of them; what is no public TCP address is left out.</param>
    public void SetCandidates(AddressSource source, IEnumerable<Multiaddr> addresses)
    {
        lock (_lock)
        {
            _given[source] = [.. addresses];
        }

        Wake();
    }

    /// <summary>Waits until a server has answered whether an address behind a NAT lets strangers in, or cannot; returns at
    /// once where there is nobody to ask or nothing to find out.</summary>
    /// <remarks>To be called before this node dials many: each of them is a stranger less to have a dial-back made by.</remarks>
    public async Task FirstAnswerAsync(CancellationToken cancellationToken)
    {
        if (!IsAnswerToCome())
        {
            return;
        }

        using var limit = new Deadline(_options.FirstAnswerPatience, _network.Time, cancellationToken);
        try
        {
            await _firstAnswer.Task.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            _firstAnswer.TrySetResult(); // whoever could be asked is slow, or there is nothing to ask: waited once, not before every dial
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _disposal ??= CloseAsync();
        }

        return new ValueTask(_disposal);
    }

    private async Task CloseAsync()
    {
        _network.Dialling -= OnDialling;
        _network.Opened -= OnOpened;
        _network.Identified -= OnIdentified;
        _network.Closed -= OnClosed;
        _network.AddressesChanged -= Wake;
        foreach (IDisposable registration in _registrations)
        {
            registration.Dispose();
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    private void Register()
    {
        int perPeer = _options.Limits.MaxConcurrentPerPeer;
        if (_options.Client)
        {
            _registrations.Add(_network.Handle(AutoNatProtocol.DialBack, _inbox.TakeAsync, perPeer));
        }

        if (_options.Server)
        {
            _registrations.Add(_network.Handle(AutoNatProtocol.DialRequest, _server.AnswerAsync, perPeer));
            _registrations.Add(_network.Handle(AutoNatProtocol.V1, _serverV1.AnswerAsync, perPeer));
        }
    }

    private void OnDialling(Multiaddr address)
    {
        if (ThinWaist.IpOf(address) is { } ip)
        {
            lock (_lock)
            {
                _contacts.Dialled(ip, Now);
            }
        }
    }

    private void OnOpened(SwarmConnection connection)
    {
        if (connection.IsRelayed
            || connection.Direction != ConnectionDirection.Outbound
            || ThinWaist.IpOf(connection.RemoteAddress) is not { } ip)
        {
            return;
        }

        lock (_lock)
        {
            if (_dialled.Add(connection.Id))
            {
                _contacts.Opened(ip, Now);
            }
        }
    }

    private void OnClosed(SwarmConnection connection)
    {
        lock (_lock)
        {
            _identifiedAt.Remove(connection.Id);
            _observed.Closed(connection.Id, Now);
            if (_dialled.Remove(connection.Id) && ThinWaist.IpOf(connection.RemoteAddress) is { } ip)
            {
                _contacts.Closed(ip, Now);
            }
        }

        Wake();
    }

    private void OnIdentified(SwarmConnection connection)
    {
        bool isTold = Observation.TryFrom(connection, out Observation? seen);
        lock (_lock)
        {
            DateTimeOffset now = Now;
            if (!connection.IsClosing)
            {
                _identifiedAt.TryAdd(connection.Id, now);
            }

            if (isTold)
            {
                Observe(connection, seen!, now);
            }
        }

        Wake();
    }

    private void Observe(SwarmConnection connection, Observation seen, DateTimeOffset now)
    {
        ObservationVerdict verdict = _observed.Add(seen, now);
        AutoNatLog.Observed(_log, seen.Observed, connection.RemotePeer.ToShortString(), verdict);
        if (verdict != ObservationVerdict.Taken)
        {
            Counters.Add(AutoNatEvent.ObservationIgnored);
        }

        bool isStranger = seen.IsInbound
            && connection.Path == ConnectionPath.Direct
            && _rule.Allows(seen.Remote)
            && !_contacts.Knows(seen.Remote, now);
        if (isStranger)
        {
            _book.StrangerDialled(seen.Observed, seen.Remote);
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            TimeSpan pause = Step();
            using var limit = new Deadline(pause, _network.Time, _closing.Token);
            try
            {
                await _wake.Reader.ReadAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (limit.Passed)
            {
                // Time for the next look.
            }
        }
    }

    /// <summary>Looks at everything, begins what is due, and tells what changed.</summary>
    /// <returns>When to look again.</returns>
    private TimeSpan Step()
    {
        TimeSpan pause = LookAgain;
        bool isNew;
        lock (_lock)
        {
            DateTimeOffset now = Now;
            Gather(now);
            if (_options.Client && !_closing.IsCancellationRequested)
            {
                IReadOnlyList<Probe> probes = _plan.Next(_book.Targets, Servers(), now, out DateTimeOffset next);
                foreach (Probe probe in probes)
                {
                    _tasks.TryRun(() => ProbeAsync(probe));
                }

                pause = next - now < pause ? next - now : pause;
            }

            isNew = Describe(now);
        }

        if (isNew)
        {
            Changed?.Invoke();
        }

        return pause > TimeSpan.FromMilliseconds(1) ? pause : TimeSpan.FromMilliseconds(1);
    }

    private void Gather(DateTimeOffset now)
    {
        IReadOnlyList<(Multiaddr Address, AddressSource Source)> sourced = _network.LocalAddresses.Sourced;
        Multiaddr[] listening = [.. sourced.Where(a => a.Source == AddressSource.Listen).Select(a => a.Address)];
        _observed.Listen(listening);
        IReadOnlyList<ObservedAddress> observed = _observed.Candidates(now);
        _book.Update(listening, _given.SelectMany(g => g.Value.Select(a => (g.Key, a))), observed);
        _book.Decide(_observed.Mapping(now), now);
        IPAddress[] own =
        [
            .. sourced.Select(a => ThinWaist.IpOf(a.Address)).OfType<IPAddress>(),
            .. observed.Select(o => o.EndPoint.Address),
        ];
        Volatile.Write(ref _ownIps, own.ToHashSet());
    }

    private List<ProbeServer> Servers()
    {
        List<ProbeServer> servers = [];
        IReadOnlyCollection<IPAddress> own = _ownIps;
        foreach (IGrouping<Identity.PeerId, SwarmConnection> peer in _network.Connections
            .Where(c => !c.IsRelayed && !c.IsClosing && _identifiedAt.ContainsKey(c.Id))
            .GroupBy(c => c.RemotePeer))
        {
            SwarmConnection connection = peer.MinBy(c => c.Id)!;
            bool speaksV2 = _network.Speaks(peer.Key, AutoNatProtocol.DialRequest) == true;
            if ((speaksV2 || _network.Speaks(peer.Key, AutoNatProtocol.V1) == true)
                && ThinWaist.IpOf(connection.RemoteAddress) is { } ip
                && _rule.Allows(ip)
                && (IPAddress.IsLoopback(ip) || !own.Contains(ip)))
            {
                servers.Add(new ProbeServer(peer.Key, ip, speaksV2, _identifiedAt[connection.Id]));
            }
        }

        return servers;
    }

    private async Task ProbeAsync(Probe probe)
    {
        ProbeResult result = new(ProbeOutcome.Failed, [], From: null);
        try
        {
            SwarmConnection? server = _network.ConnectionsOf(probe.Server.Peer)
                .FirstOrDefault(c => !c.IsRelayed && !c.IsClosing);
            if (server is not null)
            {
                result = probe.Server.SpeaksV2
                    ? await _client.AskAsync(server, probe.Addresses, Fits, _closing.Token).ConfigureAwait(false)
                    : await _client.AskV1Async(server, probe.Addresses, _closing.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            Take(probe, result);
        }
    }

    private bool Fits(Multiaddr asked, IPEndPoint local)
    {
        lock (_lock)
        {
            return _book.Fits(asked, local);
        }
    }

    /// <summary>An interface's own address that others reach has no NAT before it, though nobody may have been dialled who
    /// could say so.</summary>
    private NatMapping MappingAt(DateTimeOffset now) => _observed.Mapping(now) switch
    {
        NatMapping.Unknown when _book.IsInterfaceReachable => NatMapping.None,
        NatMapping known => known,
    };

    private bool IsAnswerToCome()
    {
        lock (_lock)
        {
            return _started && _options is { Client: true, RequireStranger: true }
                && !_firstAnswer.Task.IsCompleted
                && !_network.LocalAddresses.Sourced.Any(a => a.Source == AddressSource.Listen && IsPublic(a.Address))
                && _network.Connections.Any(c => !c.IsRelayed
                    && !c.IsClosing
                    && IsPublic(c.RemoteAddress)
                    && _network.Speaks(c.RemotePeer, AutoNatProtocol.DialRequest) != false);
        }
    }

    /// <summary>Not while our own first answer is waited for: whom we dial for others is no stranger either, and where all of a
    /// mesh start at once, the first to be asked would have dialled all others before it knew.</summary>
    private bool ServesNow()
    {
        if (!IsAnswerToCome())
        {
            return true;
        }

        lock (_lock)
        {
            DateTimeOffset now = Now;
            _askedSince ??= now;
            return now - _askedSince >= _options.FirstAnswerPatience;
        }
    }

    private bool IsPublic(Multiaddr address) => ThinWaist.IpOf(address) is { } ip && _rule.Allows(ip);

    private void Take(Probe probe, ProbeResult result)
    {
        AutoNatLog.Probed(
            _log,
            probe.Server.Peer.ToShortString(),
            result.Addresses.Count > 0 ? result.Addresses[0] : probe.Addresses[0],
            probe.Addresses.Count - 1,
            result.Outcome);
        bool isBiased;
        lock (_lock)
        {
            DateTimeOffset now = Now;
            bool byStranger = result.From is { } from && !_contacts.Knows(from, now);
            isBiased = result.Outcome == ProbeOutcome.Reachable && !byStranger;
            _book.Take(probe, result, byStranger, now);
            _plan.Ended(probe.Server.Peer, result.Outcome == ProbeOutcome.Failed, now);
        }

        // A yes from somebody contacted answers nothing. The server may know nobody else yet, as when all of a mesh start at
        // once: it is asked again before everybody is dialled, and no more than that, since there may be nobody else at all.
        if (!isBiased || Interlocked.Increment(ref _biasedAnswers) > 1)
        {
            _firstAnswer.TrySetResult();
        }

        Wake();
    }

    /// <summary>Takes the picture that the properties show.</summary>
    private bool Describe(DateTimeOffset now)
    {
        var announced = _network.LocalAddresses.Sourced.Select(a => a.Address).ToHashSet();
        var status = new AutoNatStatus
        {
            Addresses = _book.Describe(announced),
            Overall = _book.Overall,
            Filtering = _book.Filtering,
            Mapping = MappingAt(now),
            PunchAddresses = _observed.PunchAddresses(now),
        };
        AutoNatStatus before = _status;
        if (status.Equals(before))
        {
            return false;
        }

        foreach (AddressStatus address in status.Addresses.Except(before.Addresses))
        {
            AutoNatLog.Verdict(_log, address.Address, address.Reachability, address.Observers);
        }

        Volatile.Write(ref _status, status);
        return true;
    }

    private sealed record AutoNatStatus
    {
        public IReadOnlyList<AddressStatus> Addresses { get; init; } = [];

        public Reachability Overall { get; init; }

        public NatFiltering Filtering { get; init; }

        public NatMapping Mapping { get; init; }

        public IReadOnlyList<Multiaddr> PunchAddresses { get; init; } = [];

        public bool Equals(AutoNatStatus? other) =>
            other is not null
            && (Overall, Filtering, Mapping) == (other.Overall, other.Filtering, other.Mapping)
            && Addresses.SequenceEqual(other.Addresses)
            && PunchAddresses.SequenceEqual(other.PunchAddresses);

        public override int GetHashCode() => HashCode.Combine(Overall, Filtering, Mapping);
    }
}
