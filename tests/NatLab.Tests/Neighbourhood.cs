using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>Peers in a laboratory: a public relay, public observers, and as many others as wanted, each with a reservation
/// on the relay.</summary>
public sealed class Neighbourhood(Laboratory laboratory)
{
    /// <summary>Processes that start at the same time; more only make each other slow.</summary>
    private const int StartAtOnce = 3;

    private readonly List<HostProcess> _observers = [];
    private int _nextPort = 4100;

    public Laboratory Laboratory { get; } = laboratory;

    public HostProcess Relay { get; private set; } = null!;

    /// <summary>Where the relay is dialled.</summary>
    public string RelayAddress { get; private set; } = "";

    /// <summary>Brings up a relay and two observers on the public segment.</summary>
    /// <param name="laboratory">Not owned.</param>
    /// <param name="ipv6">Whether they listen on IPv6 instead.</param>
    public static async Task<Neighbourhood> StartAsync(Laboratory laboratory, bool ipv6 = false)
    {
        var neighbourhood = new Neighbourhood(laboratory);
        string At(string host) => ipv6 ? $"/ip6/{laboratory[host].Address6}/tcp/4001" : $"/ip4/{laboratory[host].Address}/tcp/4001";
        neighbourhood.Relay = await laboratory.StartPeerAsync("relay", "--listen", At("relay"), "--announce", At("relay"), "--relay-mode", "on");
        neighbourhood.RelayAddress = $"{At("relay")}/p2p/{neighbourhood.Relay.Peer}";
        foreach (string host in (string[])["pub2", "pub3"])
        {
            HostProcess observer = await laboratory.StartPeerAsync(host, "--listen", At(host), "--announce", At(host), "--relay-mode", "off");
            observer.Started["dial"] = $"{At(host)}/p2p/{observer.Peer}";
            neighbourhood._observers.Add(observer);
        }

        return neighbourhood;
    }

    /// <summary>Starts a peer in each host, and awaits a reservation of each.</summary>
    public async Task<Dictionary<string, HostProcess>> StartPeersAsync(IEnumerable<string> hosts, params string[] options)
    {
        using var slots = new SemaphoreSlim(StartAtOnce);
        async Task<HostProcess> StartInSlotAsync(string host, int port)
        {
            await slots.WaitAsync();
            try
            {
                return await StartPeerAsync(host, port, options);
            }
            finally
            {
                slots.Release();
            }
        }

        HostProcess[] peers = await Task.WhenAll(hosts.Select(host => StartInSlotAsync(host, _nextPort++)));
        return peers.ToDictionary(p => p.Host);
    }

    /// <summary>The address of a peer over the relay.</summary>
    public string Relayed(HostProcess peer) => $"{RelayAddress}/p2p-circuit/p2p/{peer.Peer}";

    /// <summary>Dials a peer over the relay and awaits what becomes of it.</summary>
    /// <param name="from">Who dials.</param>
    /// <param name="to">Who is dialled.</param>
    /// <param name="limit">How long the direct connection, or the report of the failure, is waited for.</param>
    public async Task<PairResult> JoinAsync(HostProcess from, HostProcess to, TimeSpan limit)
    {
        await from.AskAsync($"connect {Relayed(to)}");
        JsonObject relayed = await from.EventAsync(e => IsOpened(e, to), $"connection to {to.Host}");
        try
        {
            Task<JsonObject> direct = from.EventAsync(e => IsOpened(e, to) && (string?)e["path"] != "Relayed", $"direct connection to {to.Host}", limit);
            Task<JsonObject> failed = to.EventAsync(e => IsPunch(e, from) && (string?)e["outcome"] is not ("Punched" or "Reversed" or "AlreadyDirect"), "report", limit);
            if (await Task.WhenAny(direct, failed) == failed && !failed.IsFaulted)
            {
                return new PairResult(from.Host, to.Host, true, false, (string)(await failed)["outcome"]!, (int)(await failed)["attempts"]!, null);
            }

            JsonObject opened = await direct;
            JsonObject? report = await ReportAsync(to, from); // whoever began it knows how it came about
            return new PairResult(
                from.Host,
                to.Host,
                true,
                true,
                (string?)report?["outcome"] ?? (string)opened["path"]!,
                (int?)report?["attempts"],
                (double)opened["ms"]! - (double)relayed["ms"]!);
        }
        catch (TimeoutException)
        {
            return new PairResult(from.Host, to.Host, true, false, "no report", null, null);
        }
    }

    private static bool IsOpened(JsonObject e, HostProcess peer) => (string?)e["event"] == "opened" && (string?)e["peer"] == peer.Peer;

    private static bool IsPunch(JsonObject e, HostProcess peer) => (string?)e["event"] == "punch" && (string?)e["peer"] == peer.Peer;

    private static async Task<JsonObject?> ReportAsync(HostProcess at, HostProcess about)
    {
        try
        {
            return await at.EventAsync(e => IsPunch(e, about), "report of a punch", TimeSpan.FromSeconds(10));
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private async Task<HostProcess> StartPeerAsync(string host, int port, string[] options)
    {
        string family = RelayAddress[..5];
        HostProcess peer = await Laboratory.StartPeerAsync(
            host, ["--listen", $"{family}{(family == "/ip4/" ? "0.0.0.0" : "::")}/tcp/{port}", "--relay", RelayAddress, "--relay-mode", "off", .. options]);
        foreach (HostProcess observer in _observers)
        {
            await peer.AskAsync($"connect {(string)observer.Started["dial"]!}");
        }

        await peer.EventAsync(e => (string?)e["event"] == "nat" && e["status"]!["relays"]!.AsArray().Count > 0, "reservation on the relay");
        return peer;
    }
}
