using System.CommandLine;
using System.Text.Json;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn cluster …</c>: pbm's words over a running node's management endpoint.</summary>
internal static class ClusterCommand
{
    private static readonly Option<string?> Host = new("--host")
    {
        Description = "Host and port of the node's management endpoint [default: the port in the data directory, else 127.0.0.1:8558]",
        Recursive = true,
    };

    private static readonly Option<string?> DataDir = new("--data-dir")
    {
        Description = "The node's data directory: gives its port, and the token that changes need",
        Recursive = true,
    };

    private static readonly Option<bool> AsJson = new("--json")
    {
        Description = "Print JSON in Akka Management's form",
        Recursive = true,
    };

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        var address = new Argument<string>("member")
        {
            Description = "Akka address, peer id, or a unique prefix of either",
        };
        var optionalAddress = new Argument<string>("member")
        {
            Description = "Akka address, peer id, or a unique prefix of either [default: the node itself]",
            DefaultValueFactory = _ => "self",
        };
        var command = new Command("cluster", "Look at a running node's cluster, and change its membership.")
        {
            Read("show", "All members: address | roles | status | reachability | version", Show),
            Read("status", "The node itself; exit code 0 if it is up", Status),
            Read("members", "The members' addresses, one a line", (view, json) => List(view.Members.Select(m => m.Node), json)),
            Read("unreachable", "Members that some member cannot reach", (view, json) => List(view.Unreachable.Select(u => u.Node), json)),
            Read("leader", "The leader's address", (view, json) => List(view.Leader is { } leader ? [leader] : [], json)),
            Act("leave", "Make a member leave gracefully", optionalAddress, (client, member, ct) => client.LeaveAsync(member, ct)),
            Act("down", "Mark a member as down: it is removed without being asked", address, (client, member, ct) => client.DownAsync(member, ct)),
            DownUnreachable(),
            Tail(),
        };
        command.Options.Add(Host);
        command.Options.Add(DataDir);
        command.Options.Add(AsJson);
        return command;
    }

    private static Command Read(string name, string description, Func<ClusterView, bool, int> print)
    {
        var command = new Command(name, description);
        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = Connect(parsed);
            return print(await client.GetClusterAsync(ct), parsed.GetValue(AsJson));
        });
        return command;
    }

    private static Command Act(
        string name, string description, Argument<string> member, Func<ManagementClient, string, CancellationToken, Task<string>> act)
    {
        var command = new Command(name, description) { member };
        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = Connect(parsed);
            Print(await act(client, parsed.GetRequiredValue(member), ct), parsed.GetValue(AsJson));
            return 0;
        });
        return command;
    }

    private static Command DownUnreachable()
    {
        var command = new Command("down-unreachable", "Mark every member that is unreachable now as down");
        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = Connect(parsed);
            ClusterView view = await client.GetClusterAsync(ct);
            foreach (UnreachableView member in view.Unreachable)
            {
                Print(await client.DownAsync(member.Node, ct), parsed.GetValue(AsJson));
            }

            if (view.Unreachable.Count == 0)
            {
                Print("No unreachable members", parsed.GetValue(AsJson));
            }

            return 0;
        });
        return command;
    }

    private static Command Tail()
    {
        var command = new Command("tail", "Membership events as they happen, until Ctrl+C");
        command.SetAction(async (parsed, ct) =>
        {
            using ManagementClient client = Connect(parsed);
            try
            {
                await foreach (string data in client.TailAsync(ct))
                {
                    Console.Out.WriteLine(parsed.GetValue(AsJson) ? data : LineOf(data));
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // Ctrl+C, or the node went away: either way there is no more to show.
            }

            return 0;
        });
        return command;
    }

    private static string LineOf(string data)
    {
        ClusterEventView e = JsonSerializer.Deserialize<ClusterEventView>(data, Json)!;
        return $"{e.At.ToLocalTime():HH:mm:ss.fff} {e.Type} {e.Node}";
    }

    private static void Print(string message, bool json) =>
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(new ActionAnswer(message), Json) : message);

    private static ManagementClient Connect(ParseResult parsed) => ManagementClient.Open(parsed.GetValue(Host), parsed.GetValue(DataDir));

    private static int Show(ClusterView view, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(view, Json));
            return 0;
        }

        foreach (MemberView member in view.Members)
        {
            Console.Out.WriteLine(LineOf(view, member));
        }

        Console.Out.WriteLine($"Count: {view.Members.Count} nodes");
        return 0;
    }

    private static int Status(ClusterView view, bool json)
    {
        MemberView self = view.Members.FirstOrDefault(m => m.Node == view.SelfNode)
            ?? new MemberView(view.SelfNode, "", "Removed", [], "", "");
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(self, Json) : LineOf(view, self));
        return self.Status == "Up" ? 0 : 1;
    }

    private static int List(IEnumerable<string> lines, bool json)
    {
        string[] all = [.. lines];
        Console.Out.Write(json ? JsonSerializer.Serialize(all, Json) + "\n" : string.Concat(all.Select(line => line + "\n")));
        return 0;
    }

    // pbm's columns: address | [roles] | status | reachability | app version
    private static string LineOf(ClusterView view, MemberView member)
    {
        string reachability = view.Unreachable.Any(u => u.Node == member.Node) ? "unreachable" : "";
        return $"{member.Node} | [{string.Join(", ", member.Roles)}] | {member.Status.ToLowerInvariant()} | {reachability} | {member.AppVersion}";
    }
}
