using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn nat</c>: how a running node is reached and reaches others, and what would help.</summary>
internal static class NatCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        var host = new Option<string?>("--host")
        {
            Description = "Host and port of the node's management endpoint [default: the port in the data directory, else 127.0.0.1:8558]",
        };
        var dataDir = new Option<string?>("--data-dir") { Description = "The node's data directory: gives its port" };
        var json = new Option<bool>("--json") { Description = "Print the whole view as JSON" };
        var command = new Command("nat", "How a running node is reached and reaches others, and what would help.") { host, dataDir, json };
        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = ManagementClient.Open(parsed.GetValue(host), parsed.GetValue(dataDir));
            JsonElement answer = await client.GetAsync("nat", ct);
            Console.Out.Write(parsed.GetValue(json)
                ? answer.GetRawText() + "\n"
                : Show(answer.Deserialize<NatView>(Json)!, TimeProvider.System.GetUtcNow()));
            return 0;
        });
        return command;
    }

    /// <summary>The view for a person.</summary>
    internal static string Show(NatView view, DateTimeOffset now)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        Line(text, "this node", view.PeerId);
        Line(text, "reachable", Reachable(view));
        Line(text, "NAT", $"{Mapping(view.Mapping)}; {Filtering(view.Filtering)}");
        List(text, "addresses", view.Addresses.Select(a => $"{a.Address}  {Learnt(a.LearntBy)}{Tested(a)}"));
        List(text, "port mapping", view.PortMapping.Mappings.DefaultIfEmpty(view.PortMapping.Problem ?? "none asked for"));
        List(text, "relays", view.Relays.Select(r => Relay(r, now)).DefaultIfEmpty("none in use"));
        Line(text, "relaying", view.Relaying is { } r
            ? $"for {r.Reservations} of at most {r.MaxReservations} peers, {r.Circuits} circuits now, {Bytes(r.BytesRelayed)} so far{Refused(r)}"
            : "no");
        List(text, "peers", view.Peers.Select(p => Peer(p, now)).DefaultIfEmpty("none connected"));
        List(text, "would help", view.Remedies.DefaultIfEmpty("nothing to improve"));
        return text.ToString();
    }

    private static string Reachable(NatView view) => view.State switch
    {
        "reachable" => "yes, from everywhere",
        "relayed" => "through relays",
        "unreachable" => "no",
        _ => "not known yet",
    };

    private static string Mapping(string mapping) => mapping switch
    {
        "none" => "no address translation",
        "endpoint-independent" => "mapping is endpoint-independent (holes can be punched)",
        "endpoint-dependent" => "mapping is endpoint-dependent (symmetric: holes only towards open peers)",
        _ => "mapping not known yet",
    };

    private static string Filtering(string filtering) => filtering switch
    {
        "endpoint-independent" => "lets everybody in",
        "endpoint-dependent" => "lets in only those that were contacted",
        _ => "filtering not known yet",
    };

    private static string Learnt(string by) => by switch
    {
        "interface" => "of this machine",
        "configured" => "given by the operator",
        "router" => "mapped by the router",
        "observed" => "seen by other peers",
        _ => "through a relay",
    };

    private static string Tested(NatAddressView address) => address.Reachability switch
    {
        "public" => $", reachable from everywhere{Observers(address)}",
        "private" => $", not reachable from outside{Observers(address)}",
        _ => "",
    };

    private static string Observers(NatAddressView address) => address.Observers > 0 ? $" ({address.Observers} observers)" : "";

    private static string Relay(RelayView relay, DateTimeOffset now)
    {
        string limit = (relay.LimitSeconds, relay.LimitBytes) switch
        {
            (null, null) => "no limit",
            ({ } seconds, null) => $"circuits of {Duration(TimeSpan.FromSeconds(seconds))}",
            (null, { } bytes) => $"circuits of {Bytes(bytes)}",
            ({ } seconds, { } bytes) => $"circuits of {Duration(TimeSpan.FromSeconds(seconds))} and {Bytes(bytes)}",
        };
        return $"{relay.Relay}  {RoundTrip(relay.RoundTripMilliseconds)}slot for another {Duration(relay.Expires - now)}, {limit}";
    }

    private static string Peer(PeerPathView peer, DateTimeOffset now)
    {
        string limit = peer.LimitBytes is { } bytes ? $"  limited to {Bytes(bytes)}" : "";
        return $"{peer.Peer}  {peer.Path,-8}  for {Duration(now - peer.Since)}  {RoundTrip(peer.RoundTripMilliseconds)}{peer.Address}{limit}"
            + (peer.IsMember ? "" : "  (no member)");
    }

    private static string Refused(RelayingView relaying)
    {
        long refused = relaying.Refused.Values.Sum();
        return refused == 0 ? "" : $", {refused} requests refused ({string.Join(", ", relaying.Refused.Select(r => $"{r.Key} {r.Value}"))})";
    }

    private static string RoundTrip(double? milliseconds) =>
        milliseconds is { } ms ? string.Create(CultureInfo.InvariantCulture, $"{ms:0.#} ms  ") : "";

    private static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 0 } => "0 s",
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#} h"),
    };

    private static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => $"{bytes} B",
        < 10_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.#} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB"),
    };

    private static void Line(TextWriter text, string name, string value) => text.WriteLine($"{name,-13} {value}");

    private static void List(TextWriter text, string name, IEnumerable<string> values)
    {
        foreach (string value in values)
        {
            Line(text, name, value);
            name = "";
        }
    }
}
