using System.CommandLine;
using System.Text.Json;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn model pull</c>: the node fetches a model, and this shows how far it is.</summary>
internal static class ModelPullCommand
{
    public static Command Create()
    {
        Argument<string> name = ModelCommand.NameArgument();
        var from = new Option<string[]>("--from") { Description = "Peer id of a node that may have it; may be given several times [default: search]" };
        var timeout = new Option<TimeSpan>("--timeout")
        {
            Description = "Time for all of it [default: 00:10:00]",
            DefaultValueFactory = _ => TimeSpan.FromMinutes(10),
        };
        var command = new Command("pull", "Fetch a model from several nodes at once, and keep it; of a run, the models of three makers") { name, from, timeout };
        command.SetAction(async (parsed, ct) =>
        {
            await using ModelAccess access = await ModelCommand.OpenAsync(parsed, ModelRoutes.Limit, ct);
            IAsyncEnumerable<PullEventView> events = access.Models.PullAsync(
                parsed.GetRequiredValue(name), parsed.GetValue(from) ?? [], parsed.GetValue(timeout), ct);
            Action<PullEventView> show = ModelCommand.IsJson(parsed) ? ShowJson : Console.IsOutputRedirected ? Lines() : ShowLive;
            return await FollowAsync(events, show, ModelCommand.IsJson(parsed));
        });
        return command;
    }

    private static async Task<int> FollowAsync(IAsyncEnumerable<PullEventView> events, Action<PullEventView> show, bool json)
    {
        PullEventView? last = null;
        try
        {
            await foreach (PullEventView happened in events)
            {
                if (last is { Type: PullEvents.Failed } failed && !json)
                {
                    show(failed); // not the last word, which is printed as the error that it is
                }

                last = happened;
                if (json || happened.Type != PullEvents.Failed)
                {
                    show(happened);
                }
            }
        }
        catch (OperationCanceledException)
        {
            ClearLine();
            Console.Error.WriteLine("p2plearn: stopped; what came stays, and another pull goes on from there");
            throw;
        }

        if (last is { Type: PullEvents.Done })
        {
            return 0;
        }

        ClearLine();
        throw new UserErrorException(last?.Message ?? "the node said nothing");
    }

    private static void ClearLine()
    {
        if (!Console.IsOutputRedirected)
        {
            Console.Out.Write("\r\x1b[K");
        }
    }

    private static void ShowJson(PullEventView happened) => Console.Out.WriteLine(JsonSerializer.Serialize(happened, ModelCommand.Json));

    private static void ShowLive(PullEventView happened)
    {
        bool passes = happened.Type is PullEvents.Searching or PullEvents.Fetching;
        string line = PullLines.LineOf(passes ? happened with { Root = ModelText.Root(happened.Root) } : happened);
        int width = Math.Max(Console.WindowWidth - 1, 20); // a line that wraps could not be written over
        Console.Out.Write("\r" + (passes && line.Length > width ? line[..width] : line) + "\x1b[K" + (passes ? "" : "\n"));
    }

    private static Action<PullEventView> Lines()
    {
        var lines = new PullLines();
        long began = TimeProvider.System.GetTimestamp();
        return happened =>
        {
            if (lines.Next(happened, TimeProvider.System.GetElapsedTime(began)) is { } line)
            {
                Console.Out.WriteLine(line);
            }
        };
    }
}
