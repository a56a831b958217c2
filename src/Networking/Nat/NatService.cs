using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat;

/// <summary>NAT traversal of one swarm: finds out how it can be reached, makes it reachable, and gets direct
/// connections.</summary>
/// <remarks>
/// Puts its parts together and holds the rules between them: what is announced, when relays are needed, when this node
/// relays for others. Safe for several threads. Started by the first listener; ended by the swarm.
/// </remarks>
public sealed class NatService : IAsyncDisposable
{
    private static readonly TimeSpan InterfaceCheck = TimeSpan.FromSeconds(30);

    private readonly ISwarmNetwork _network;
    private readonly NatOptions _options;
    private readonly AutoNatService _autoNat;
    private readonly RelayClient? _relays;
    private readonly RelayServer? _relay;
    private readonly HolePuncher? _puncher;
    private readonly PortMapper? _mapper;
    private readonly Lock _lock = new();
    private bool _started;
    private bool _ended;
    private bool _asksRouter;
    private ITimer? _timer;
    private int _updates;

    internal NatService(ISwarmNetwork network, NatOptions options)
    {
        _network = network;
        _options = options;
        _autoNat = new AutoNatService(network, options.AutoNat, options.PublicAddresses);
        _autoNat.Changed += Update;
        if (options.RelayClient.Enabled)
        {
            RelayClientOptions client = options.RelayClient with { PublicAddresses = options.PublicAddresses };
            RelayClient relays = new(network, client);
            network.UseCircuits(new CircuitTransport(network, client, () => relays.Reservations));
            _relays = relays;
            _relays.Changed += Update;
        }

        if (options.RelayMode != RelayMode.Off)
        {
            _relay = new RelayServer(network, options.RelayServer with { PublicAddresses = options.PublicAddresses });
            _relay.Changed += Update;
        }

        if (options.Dcutr.Enabled)
        {
            _puncher = new HolePuncher(
                network, options.Dcutr, () => _autoNat.PunchAddresses, options.PublicAddresses, _autoNat.FirstAnswerAsync);
            _puncher.Attempted += report => HolePunched?.Invoke(report);
        }

        if (options.PortMapping is { } mapping)
        {
            _mapper = new PortMapper(mapping, network.Time, network.LoggerFactory);
            _mapper.Changed += OnMapped;
        }

        network.AddressesChanged += Update;
    }

    /// <summary>The status changed. Handlers must not block.</summary>
    public event Action<NatStatus>? Changed;

    /// <summary>A relayed connection was, or was not, replaced by a direct one. Handlers must not block.</summary>
    public event Action<HolePunchReport>? HolePunched;

    /// <summary>How this node can be reached now.</summary>
    public NatStatus Status => new()
    {
        Reachability = Reachable,
        Mapping = _autoNat.Mapping,
        Filtering = _autoNat.Filtering,
        Addresses = AllAddresses(),
        PortMappings = [.. (_mapper?.Mappings ?? []).Select(Describe)],
        PortMappingProblem = _asksRouter ? _mapper?.Problem : null,
        Gateway = _asksRouter && DefaultGateways.Find(max: 1) is [IPAddress gateway] ? gateway : null,
        IsBehindCarrierNat = _mapper?.IsBehindCarrierNat == true,
        Relays = _relays?.Reservations ?? [],
        Relaying = _relay?.Status,
    };

    private Reachability Reachable => _options.AnnouncedAddresses.Count > 0 ? Reachability.Public : _autoNat.Overall;

    /// <summary>Waits for the first answer whether an address behind a NAT lets strangers in, at most <see
    /// cref="AutoNatOptions.FirstAnswerPatience"/>; returns at once where there is nobody to ask or no such address.</summary>
    /// <remarks>To be called before this node dials many: whom it has dialled is no stranger any more, and in a mesh in which
    /// everybody is connected with everybody, nobody is.</remarks>
    public Task FirstAnswerAsync(CancellationToken cancellationToken) => _autoNat.FirstAnswerAsync(cancellationToken);

    /// <summary>Gives slots and mapped ports back, and ends everything. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
        }

        _network.AddressesChanged -= Update;
        Task mapping = _mapper?.DisposeAsync().AsTask() ?? Task.CompletedTask;
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        foreach (IAsyncDisposable? part in new IAsyncDisposable?[] { _puncher, _relays, _relay })
        {
            if (part is not null)
            {
                await part.DisposeAsync().ConfigureAwait(false);
            }
        }

        await _autoNat.DisposeAsync().ConfigureAwait(false);
        _network.UseCircuits(null);
        await mapping.ConfigureAwait(false);
    }

    /// <summary>Begins, once this node listens.</summary>
    internal void Start()
    {
        lock (_lock)
        {
            if (_started || _ended)
            {
                return;
            }

            _started = true;
            _timer = _network.Time.CreateTimer(_ => _network.LocalAddresses.Refresh(), null, InterfaceCheck, InterfaceCheck);
        }

        _network.LocalAddresses.Set(AddressSource.Configured, _options.AnnouncedAddresses);
        _autoNat.Start();
        _puncher?.Start();
        _relays?.Start();
        if (_mapper is not null && PortToMap() is { } port)
        {
            _asksRouter = true;
            _mapper.Start(port);
        }

        Update();
    }

    /// <summary>The first port listened on that a router could map: not one of loopback alone, and IPv4.</summary>
    private int? PortToMap() => _network.LocalAddresses.Sourced
        .Where(a => a.Source == AddressSource.Listen)
        .Select(a => a.Address.TryToTcpEndPoint(out EndPoint? endPoint) ? endPoint as IPEndPoint : null)
        .FirstOrDefault(e => e is { AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork } && !IPAddress.IsLoopback(e.Address))
        ?.Port;

    private void OnMapped()
    {
        _autoNat.SetCandidates(AddressSource.Mapped, MappedAddresses());
        Update();
    }

    /// <summary>Something changed. Whoever comes first draws the consequences, for those too who come meanwhile: two at once
    /// could leave the older state behind.</summary>
    private void Update()
    {
        if (Interlocked.Increment(ref _updates) > 1)
        {
            return;
        }

        int done;
        do
        {
            done = Volatile.Read(ref _updates);
            Apply();
        }
        while (Interlocked.Add(ref _updates, -done) > 0);
    }

    /// <summary>Draws the consequences: announces, asks for relays, relays.</summary>
    private void Apply()
    {
        lock (_lock)
        {
            if (!_started || _ended)
            {
                return;
            }
        }

        Reachability reachable = Reachable;
        IReadOnlyList<AddressStatus> tested = _autoNat.Addresses;
        _network.LocalAddresses.Set(AddressSource.Mapped, MappedAddresses().Where(a => !IsKnownPrivate(a, tested)));
        _network.LocalAddresses.Set(
            AddressSource.Observed,
            tested.Where(a => a.Source == AddressSource.Observed && a.Reachability == Reachability.Public).Select(a => a.Address));
        _network.LocalAddresses.Set(AddressSource.Relayed, (_relays?.Reservations ?? []).SelectMany(r => r.Addresses));
        _relays?.SetNeeded(reachable != Reachability.Public);
        _relay?.SetActive(_options.RelayMode == RelayMode.On || reachable == Reachability.Public);
        _puncher?.OnAddressesChanged();
        Changed?.Invoke(Status);
    }

    private static bool IsKnownPrivate(Multiaddr address, IReadOnlyList<AddressStatus> tested) =>
        tested.Any(t => t.Address == address && t.Reachability == Reachability.Private);

    private IEnumerable<Multiaddr> MappedAddresses() => (_mapper?.Mappings ?? [])
        .Select(m => Multiaddr.FromTcpEndPoint(new IPEndPoint(m.ExternalAddress, m.ExternalPort)));

    private List<AddressStatus> AllAddresses()
    {
        IReadOnlyList<(Multiaddr Address, AddressSource Source)> announced = _network.LocalAddresses.Sourced;
        List<AddressStatus> all = [.. _autoNat.Addresses.Select(a => a with { Announced = announced.Any(s => s.Address == a.Address) })];
        all.AddRange(announced
            .Where(s => all.TrueForAll(a => a.Address != s.Address))
            .Select(s => new AddressStatus(s.Address, s.Source, Reachability.Unknown, Observers: 0, Announced: true)));
        return [.. all.OrderBy(a => a.Source)];
    }

    private static string Describe(PortMapping.PortMapping mapping) =>
        $"{mapping.ExternalAddress} port {mapping.ExternalPort} leads to port {mapping.InternalPort} here, by {mapping.Protocol switch
        {
            PortMappingProtocol.Pcp => "PCP",
            PortMappingProtocol.NatPmp => "NAT-PMP",
            _ => "UPnP",
        }} at {mapping.Gateway}";
}
