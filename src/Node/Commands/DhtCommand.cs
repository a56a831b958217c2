using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn dht …</c>: a running node's distributed hash table.</summary>
internal static class DhtCommand
{
    private static readonly Option<string?> Host = new("--host")
    {
        Description = "Host and port of the node's management endpoint [default: the port in the data directory, else 127.0.0.1:8558]",
        Recursive = true,
    };

    private static readonly Option<string?> DataDir = new("--data-dir")
    {
        Description = "The node's data directory: gives its port, and the token that put and provide need",
        Recursive = true,
    };

    private static readonly Option<bool> AsJson = new("--json") { Description = "Print JSON", Recursive = true };

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "Name of the value; others find it under PEER/NAME, where PEER is this node" };
        var value = new Argument<string>("value") { Description = "The text, or @FILE for the bytes of a file" };
        var key = new Argument<string>("key") { Description = "PEER/NAME, as 'put' printed it" };
        var cid = new Argument<string>("cid") { Description = "The content's CID" };
        var peer = new Argument<string>("peer") { Description = "A peer id" };
        var max = new Option<int>("--max") { Description = "Stop after so many, at most 100", DefaultValueFactory = _ => 20 };
        var command = new Command("dht", "Store and find values, content and peers in the mesh's distributed hash table.")
        {
            Sub("put", "Sign a value and store it with other nodes; this node puts it again while it runs", [name, value], (client, parsed, ct) =>
                client.PutAsync($"dht/value?name={Escape(parsed.GetRequiredValue(name))}", BytesOf(parsed.GetRequiredValue(value)), ct), Stored),
            Sub("get", "Find a value", [key], (client, parsed, ct) =>
                client.GetAsync($"dht/value?key={Escape(parsed.GetRequiredValue(key))}", ct), Value),
            Sub("provide", "Tell others that this node has the content of a CID", [cid], (client, parsed, ct) =>
                client.PutAsync($"dht/providers?cid={Escape(parsed.GetRequiredValue(cid))}", [], ct), Stored),
            Sub("find-peer", "Find where a peer is", [peer], (client, parsed, ct) =>
                client.GetAsync($"dht/peer?id={Escape(parsed.GetRequiredValue(peer))}", ct), answer => Peer(answer.Deserialize<DhtPeerView>(Json)!)),
            Sub("find-providers", "Find who has the content of a CID", [cid, max], (client, parsed, ct) =>
                client.GetAsync($"dht/providers?cid={Escape(parsed.GetRequiredValue(cid))}&max={parsed.GetValue(max)}", ct), Providers),
            Sub("stats", "This node's part of the table", [], (client, _, ct) => client.GetAsync("dht", ct), Stats),
        };
        command.Options.Add(Host);
        command.Options.Add(DataDir);
        command.Options.Add(AsJson);
        return command;
    }

    private static Command Sub(
        string name,
        string description,
        Symbol[] symbols,
        Func<ManagementClient, ParseResult, CancellationToken, Task<JsonElement>> ask,
        Func<JsonElement, string> show)
    {
        var command = new Command(name, description);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Arguments.Add(argument);
            }
            else
            {
                command.Options.Add((Option)symbol);
            }
        }

        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = ManagementClient.Open(parsed.GetValue(Host), parsed.GetValue(DataDir), DhtRoutes.Limit);
            JsonElement answer = await ask(client, parsed, ct);
            Console.Out.WriteLine(parsed.GetValue(AsJson) ? answer.GetRawText() : show(answer));
            return 0;
        });
        return command;
    }

    private static byte[] BytesOf(string value)
    {
        if (!value.StartsWith('@'))
        {
            return Encoding.UTF8.GetBytes(value);
        }

        try
        {
            var file = new FileInfo(value[1..]);
            return file.Exists && file.Length > ManagementServer.MaxRequestBytes
                ? throw new UserErrorException($"{file}: {file.Length} bytes are too many for a value")
                : File.ReadAllBytes(file.FullName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{value[1..]}: cannot be read: {e.Message}");
        }
    }

    private static string Stored(JsonElement answer)
    {
        DhtStoredView stored = answer.Deserialize<DhtStoredView>(Json)!;
        return stored.Stored > 0
            ? $"{stored.Key}\nkept by {stored.Stored} of {stored.Asked} nodes asked"
            : $"{stored.Key}\nkept by this node alone: it knows no other that could keep it ('p2plearn dht stats')";
    }

    private static string Value(JsonElement answer) => Encoding.UTF8.GetString(answer.Deserialize<DhtValueView>(Json)!.Value);

    private static string Peer(DhtPeerView peer) => string.Join('\n', peer.Addresses.Select(a => $"{a}/p2p/{peer.Peer}"));

    private static string Providers(JsonElement answer)
    {
        DhtPeerView[] found = answer.Deserialize<DhtPeerView[]>(Json)!;
        return found.Length == 0 ? "nobody" : string.Join('\n', found.Select(p => $"{p.Peer}  {string.Join(' ', p.Addresses)}"));
    }

    private static string Stats(JsonElement answer)
    {
        DhtView view = answer.Deserialize<DhtView>(Json)!;
        return string.Create(CultureInfo.InvariantCulture, $"""
            network        {view.Protocol}
            answers others {(view.Server ? "yes" : "no")}
            routing table  {view.Peers} nodes
            keeps          {view.Records} values ({view.RecordBytes} B), {view.Providers} provider records
            tells again    {view.Announcements} of its own
            """);
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
