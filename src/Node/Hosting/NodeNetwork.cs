using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Storage;
using P2PLearn.Networking.Swarm;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>A node's network: who it is, which mesh it belongs to, the swarm, admission, RPC, and how members are found.</summary>
internal sealed class NodeNetwork : IAsyncDisposable
{
    /// <summary>Least data limit of a relay in bytes over which models are exchanged; standard relays grant 128 KiB, members much more.</summary>
    public const long MinRelayBytesForModels = 16 << 20;

    private readonly NodeOptions _options;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly MemberFinder _finder;
    private readonly SqliteKadStorage? _kadStorage;
    private readonly NatReporter? _reporter;

    public NodeNetwork(NodeOptions options, DataDirectory data, EventLog events, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _events, _time) = (options, events, time);
        Identity = IdentityFile.LoadOrCreate(data.IdentityFile);
        Mesh = MeshIdentity.Resolve(options, data);
        _kadStorage = options.Dht.Mode == "off" ? null : OpenKadStorage(data.DhtFile, loggers, time);
        Swarm = new Swarm(new SwarmOptions
        {
            Identity = Identity,
            AgentVersion = "p2plearn/" + ProgramVersion.Text,
            Time = time,
            LoggerFactory = loggers,
            Nat = NatOptionsOf(options),
            LimitedProtocols = new Dictionary<string, long>
            {
                [AdmittedStreams.Protocol.Value] = 0,
                [P2PTransport.Protocol.Value] = 0,
                [ClusterHost.MembersProtocolId.Value] = 0,
                [RpcEndpoint.Protocol.Value] = MinRelayBytesForModels,
                [BitswapService.Protocol.Value] = MinRelayBytesForModels,
            },
        });
        Streams = new AdmittedStreams(Swarm, Mesh, time, loggers);
        Streams.AdmissionRefused += (peer, _, text) => _events.Record(new PeerRefused(peer.ToString(), text));
        Rpc = new RpcEndpoint(Streams, new RpcOptions(), time, loggers);
        Swarm.PeerRouter = new MeshPeerRouter(Rpc, Streams, Swarm);
        Kad = _kadStorage is null ? null : new KadService(Swarm, new KadOptions
        {
            Protocol = new ProtocolId(options.Dht.Protocol),
            Mode = DhtSection.Modes[options.Dht.Mode],
            ServesWithoutNat = true,
            Storage = _kadStorage,
        });
        _finder = new MemberFinder(options.Discovery, data.PeersFile, Mesh, Swarm, Streams, Rpc, time, loggers);
        _reporter = Swarm.Nat is { } nat ? new NatReporter(nat, events, time) : null;
    }

    /// <summary>This node.</summary>
    public KeyPair Identity { get; }

    /// <summary>The mesh it belongs to.</summary>
    public MeshOptions Mesh { get; }

    /// <summary>Connections with everybody.</summary>
    public Swarm Swarm { get; }

    /// <summary>Streams to members.</summary>
    public AdmittedStreams Streams { get; }

    /// <summary>Calls to members.</summary>
    public RpcEndpoint Rpc { get; }

    /// <summary>The distributed hash table; null when switched off.</summary>
    public KadService? Kad { get; }

    /// <summary>Listens on the configured addresses.</summary>
    /// <exception cref="UserErrorException">An address cannot be listened on.</exception>
    public async Task ListenAsync(CancellationToken cancellationToken)
    {
        foreach (string address in _options.Listen)
        {
            try
            {
                await Swarm.ListenAsync(Multiaddr.Parse(address), cancellationToken);
            }
            catch (IOException e)
            {
                throw new UserErrorException($"cannot listen on {address}: {e.Message}; give another address with --listen");
            }
        }

        foreach (Multiaddr address in Swarm.ListenAddresses)
        {
            _events.Record(new Listening(address.ToString()));
        }

        _finder.Start();
    }

    /// <summary>Meets the mesh: returns at once for a founder or a helper without seeds, else when a member has let this node in.</summary>
    /// <returns>The seeds and members met.</returns>
    /// <exception cref="UserErrorException">It can never work: another peer lives at the seed, or it refuses this node.</exception>
    public async Task<PeerId[]> MeetAsync(CancellationToken cancellationToken)
    {
        bool waits = _options.Seeds.Count > 0 || (_options.Mode == NodeModes.Member && !_options.Found);
        var dialer = new SeedDialer(Swarm, Streams, _time, _events);
        if (!waits)
        {
            foreach (CachedPeer known in _finder.Remembered)
            {
                Swarm.AddAddresses(known.Peer, known.Addresses); // the cluster looks for its members of an earlier life
            }

            return [];
        }

        PeerId[] met = await dialer.DialAsync(_options.Seeds, _finder.Remembered, cancellationToken);
        await (Swarm.Nat?.FirstAnswerAsync(cancellationToken) ?? Task.CompletedTask); // the cluster dials every member
        return met;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _reporter?.Dispose();
        await _finder.DisposeAsync();
        if (Kad is not null)
        {
            await Kad.DisposeAsync();
        }

        await Rpc.DisposeAsync();
        await Streams.DisposeAsync();
        await Swarm.DisposeAsync();
        if (_kadStorage is not null)
        {
            await _kadStorage.DisposeAsync(); // after the last stream that could still hand something over
        }

        Identity.Dispose();
    }

    private static SqliteKadStorage OpenKadStorage(string file, ILoggerFactory loggers, TimeProvider time)
    {
        try
        {
            return SqliteKadStorage.Open(file, time, loggers);
        }
        catch (DurableTablesException e)
        {
            string advice = e.Problem == DurableTablesProblem.Damaged ? "; run 'p2plearn doctor --repair' to put it aside and start anew" : "";
            throw new UserErrorException(e.Message + advice);
        }
    }

    private NatOptions NatOptionsOf(NodeOptions options) => new()
    {
        AnnouncedAddresses = [.. options.Nat.Announce.Select(Multiaddr.Parse)],
        AutoNat = new AutoNatOptions { Client = options.Nat.Autonat, Server = options.Nat.Autonat },
        RelayClient = new RelayClientOptions
        {
            Enabled = options.Relay.Use,
            Relays = [.. options.Relay.Relays.Select(Multiaddr.Parse)],
            Reservations = options.Relay.Slots,
        },
        RelayServer = new RelayServerOptions
        {
            MaxReservations = options.Relay.MaxReservations,
            IsMember = peer => Streams.IsAdmitted(peer),
            ProveMember = (peer, cancellationToken) => Streams.TryAdmitAsync(peer, cancellationToken),
        },
        RelayMode = options.Mode switch
        {
            NodeModes.Relay => RelayMode.On,
            NodeModes.Bootstrap => RelayMode.Off,
            _ => NodeOptionsValidator.RelayModes[options.Relay.Serve],
        },
        Dcutr = new DcutrOptions { Enabled = options.Nat.HolePunching },
        PortMapping = options.Nat.PortMapping ? new PortMapperOptions() : null,
    };
}
