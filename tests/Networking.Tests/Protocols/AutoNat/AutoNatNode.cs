using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>A whole node with AutoNAT, on the virtual Internet or on loopback.</summary>
internal sealed class AutoNatNode : IAsyncDisposable
{
    /// <summary>Quick, so that tests need not wait; every timeout is still far longer than a slow machine takes.</summary>
    public static readonly AutoNatOptions Quick = new()
    {
        FirstProbeDelay = TimeSpan.FromMilliseconds(20),
        ConfirmDelay = TimeSpan.FromMilliseconds(20),
        RetryInterval = TimeSpan.FromSeconds(1),
        Limits = new AutoNatServerLimits { MaxForeignDialPause = TimeSpan.Zero, DialTimeout = TimeSpan.FromSeconds(30) },
    };

    private AutoNatNode(Node swarm, AutoNatService service) => (Swarm, Service) = (swarm, service);

    public Node Swarm { get; }

    public AutoNatService Service { get; }

    public AutoNatCounters Counters => Service.Counters;

    /// <summary>A node at an address of the virtual Internet, listening on port 4001.</summary>
    public static Task<AutoNatNode> StartAsync(
        int number, VirtualInternet internet, string ip, VirtualNat? nat = null, AutoNatOptions? options = null) =>
        StartAsync(number, internet.AddHost(ip, nat), $"/ip4/{ip}/tcp/4001", options ?? Quick, AddressRule.PublicInternet);

    /// <summary>A node on loopback, where everything counts as public.</summary>
    public static Task<AutoNatNode> StartAsync(int number, AutoNatOptions? options = null, TimeProvider? time = null) =>
        StartAsync(number, null, "/ip4/127.0.0.1/tcp/0", options ?? Quick, AddressRule.Everything, time);

    public static async Task ConnectAsync(AutoNatNode from, AutoNatNode to)
    {
        await from.Swarm.ConnectAsync(to.Swarm.ListenAddresses[0], default).LimitAsync("connecting");
        await Swarms.IdentifiedAsync(from.Swarm, to.Swarm);
        await Swarms.IdentifiedAsync(to.Swarm, from.Swarm);
    }

    public Reachability? ReachabilityOf(string address) => Service.Addresses
        .Where(a => a.Address == Multiaddr.Parse(address))
        .Select(a => (Reachability?)a.Reachability)
        .SingleOrDefault();

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        await Swarm.DisposeAsync();
    }

    private static async Task<AutoNatNode> StartAsync(
        int number,
        ITransport? transport,
        string listen,
        AutoNatOptions options,
        AddressRule rule,
        TimeProvider? time = null)
    {
        Node swarm = Swarms.Create(number, o => o with
        {
            Transports = transport is null ? null : [transport],
            Time = time ?? TimeProvider.System,
        });
        var service = new AutoNatService(swarm.Network, options, rule);
        await swarm.ListenAsync(Multiaddr.Parse(listen), default);
        service.Start();
        return new AutoNatNode(swarm, service);
    }
}
