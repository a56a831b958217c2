using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Tests.Protocols.Kad.Records;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

/// <summary>Whole nodes with a DHT over links in memory; each of the servers is connected with the one before.</summary>
internal sealed class KadNet : IAsyncDisposable
{
    private readonly MemoryTransport _transport = new();
    private readonly List<(Node Node, KadService Kad)> _all = [];

    public static readonly RecordValidators Validators =
        new(new AnyValidator(), new SignedValueValidator(), new PublicKeyValidator());

    public KadService this[int index] => _all[index].Kad;

    public Node NodeAt(int index) => _all[index].Node;

    /// <param name="count">Servers.</param>
    /// <param name="change">Changes the options of each.</param>
    /// <param name="time">Their clock; those added later have the system's.</param>
    public static async Task<KadNet> StartAsync(
        int count, Func<KadOptions, KadOptions>? change = null, TimeProvider? time = null)
    {
        var net = new KadNet();
        for (int i = 0; i < count; i++)
        {
            await net.AddAsync(change, time);
            if (i > 0)
            {
                await net.ConnectAsync(i, i - 1);
            }
        }

        for (int i = 0; i < count; i++)
        {
            await net[i].BootstrapAsync(default).LimitAsync("a bootstrap");
        }

        return net;
    }

    /// <summary>One more, connected with nobody.</summary>
    public async Task<int> AddAsync(Func<KadOptions, KadOptions>? change = null, TimeProvider? time = null)
    {
        Node node = Swarms.Create(_all.Count, o => o with { Transports = [_transport], Time = time ?? TimeProvider.System });
        await node.ListenAsync(Multiaddr.Parse("/memory/0"), default);
        var options = new KadOptions { Mode = KadMode.Server, Validators = Validators };
        _all.Add((node, new KadService(node, change?.Invoke(options) ?? options)));
        return _all.Count - 1;
    }

    public async Task ConnectAsync(int from, int to)
    {
        await Swarms.ConnectAsync(NodeAt(from), NodeAt(to));
        await Swarms.IdentifiedAsync(NodeAt(from), NodeAt(to));
        await Swarms.IdentifiedAsync(NodeAt(to), NodeAt(from));
    }

    public async ValueTask DisposeAsync()
    {
        foreach ((Node node, KadService kad) in _all)
        {
            await kad.DisposeAsync();
            await node.DisposeAsync();
        }
    }
}
