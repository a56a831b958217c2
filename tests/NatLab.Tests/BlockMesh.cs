using System.Globalization;
using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>Peers with block stores on public hosts of a laboratory, each on a line of its own, every one connected to every other.</summary>
internal sealed class BlockMesh : IAsyncDisposable
{
    /// <summary>Processes that start at the same time; more only make each other slow.</summary>
    private const int StartAtOnce = 3;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("p2plearn-natlab-");
    private readonly Laboratory _laboratory;
    private readonly Dictionary<string, HostProcess> _peers = [];

    private BlockMesh(Laboratory laboratory, string[] hosts) => (_laboratory, Hosts) = (laboratory, hosts);

    /// <summary>The hosts, by name.</summary>
    public string[] Hosts { get; }

    public HostProcess this[string host] => _peers[host];

    /// <param name="hosts">How many.</param>
    /// <param name="lineMbit">What each can send, and receive, at most.</param>
    public static async Task<BlockMesh> UpAsync(int hosts, double lineMbit)
    {
        Laboratory laboratory = await Laboratory.UpAsync(
            "--public", Text(hosts), "--line", lineMbit.ToString(CultureInfo.InvariantCulture));
        return new BlockMesh(laboratory, [.. laboratory.Hosts.Where(h => h.Kind == "public").Select(h => h.Name)]);
    }

    /// <summary>Starts honest peers in all hosts that have none, and connects every one to every other.</summary>
    public async Task StartAllAsync()
    {
        using var slots = new SemaphoreSlim(StartAtOnce);
        await Task.WhenAll(Hosts.Where(h => !_peers.ContainsKey(h)).ToArray().Select(async host =>
        {
            await slots.WaitAsync();
            try
            {
                await StartAsync(host);
            }
            finally
            {
                slots.Release();
            }
        }));
        await Task.WhenAll(Hosts.Select(ConnectAsync));
    }

    /// <summary>Starts a peer, with the store that the host had before.</summary>
    public async Task<HostProcess> StartAsync(string host, params string[] options)
    {
        HostProcess peer = await _laboratory.StartPeerAsync(
            host, ["--listen", Listen(host), "--no-nat", "--log", "information", "--blocks", Path.Combine(_folder.FullName, host), .. options]);
        lock (_peers)
        {
            _peers[host] = peer;
        }

        return peer;
    }

    /// <summary>Ends a peer the hard way, and awaits that.</summary>
    public Task KillAsync(string host)
    {
        _peers[host].Kill();
        return _peers[host].DisposeAsync().AsTask();
    }

    /// <summary>Connects a peer to all others that started before it.</summary>
    public Task ConnectAsync(string host) => Task.WhenAll(
        Hosts.TakeWhile(h => h != host).Select(h => _peers[host].AskAsync($"connect {Listen(h)}/p2p/{_peers[h].Peer}")));

    /// <summary>Makes up the same model at each of these hosts.</summary>
    /// <returns>Its root and hash.</returns>
    public async Task<(string Root, string Hash)> SeedAsync(int bytes, int seed, params string[] hosts)
    {
        JsonNode?[] models = await Task.WhenAll(hosts.Select(h => _peers[h].AskAsync($"seed {Text(bytes)} {Text(seed)}")));
        return Assert.Single(models.Select(m => ((string)m!["root"]!, (string)m["sha256"]!)).Distinct());
    }

    /// <summary>Fetches a model from these hosts; none for all others.</summary>
    public async Task<JsonNode> FetchAsync(string host, string root, params string[] from)
    {
        string[] providers = from.Length > 0 ? from : [.. Hosts.Where(h => h != host)];
        string peers = string.Join(' ', providers.Select(h => _peers[h].Peer));
        return (await _peers[host].AskAsync($"fetch {root} {peers}", TimeSpan.FromMinutes(3)))!;
    }

    /// <summary>Awaits that a host has stored a part of a model.</summary>
    /// <returns>The event that says so.</returns>
    public Task<JsonObject> ReachedAsync(string host, string root, double part) => _peers[host].EventAsync(
        e => (string?)e["event"] == "progress" && (string?)e["root"] == root && (double)e["bytes"]! >= part * (double)e["total"]!,
        $"{part:P0} of {root}");

    /// <summary>All bytes that a host has sent, of all kinds, encryption included.</summary>
    public async Task<long> SentAsync(string host) => (long)(await _peers[host].AskAsync("traffic"))!["bytesOut"]!;

    public async ValueTask DisposeAsync()
    {
        await _laboratory.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private string Listen(string host) => $"/ip4/{_laboratory[host].Address}/tcp/4001";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
