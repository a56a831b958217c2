using System.CommandLine;
using System.Text.Json;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn model …</c>: the models of a node, running or not.</summary>
internal static class ModelCommand
{
    /// <summary>How everything is written with <c>--json</c>.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private static readonly Option<string?> Host = new("--host")
    {
        Description = "Host and port of the node's management endpoint [default: the port in the data directory, else 127.0.0.1:8558]",
        Recursive = true,
    };

    private static readonly Option<string?> DataDir = new("--data-dir")
    {
        Description = "The node's data directory: gives its port and token; when no node runs in it, it is opened itself",
        Recursive = true,
    };

    private static readonly Option<bool> AsJson = new("--json") { Description = "Print JSON", Recursive = true };

    public static Command Create()
    {
        var command = new Command("model", "Keep, fetch, bring in and try models.")
        {
            List(),
            Show(),
            ModelPullCommand.Create(),
            Push(),
            ModelExportCommand.Create(),
            ModelEvalCommand.Create(),
            Drop(),
        };
        command.Options.Add(Host);
        command.Options.Add(DataDir);
        command.Options.Add(AsJson);
        return command;
    }

    /// <summary>The argument of the commands that take a model or a run.</summary>
    public static Argument<string> NameArgument() => new("root-or-run")
    {
        Description = "Root of a model (bafkrei…), or a run: the first 6 or more of its 64 hex digits",
    };

    /// <summary>Opens the models that the options mean.</summary>
    public static Task<ModelAccess> OpenAsync(ParseResult parsed, TimeSpan limit, CancellationToken cancellationToken) =>
        ModelAccess.OpenAsync(parsed.GetValue(Host), parsed.GetValue(DataDir), limit, cancellationToken);

    /// <summary>Whether JSON is wanted.</summary>
    public static bool IsJson(ParseResult parsed) => parsed.GetValue(AsJson);

    /// <summary>Prints a result as JSON or as text.</summary>
    public static int Print<T>(ParseResult parsed, T view, Func<T, string> text)
    {
        Console.Out.WriteLine(IsJson(parsed) ? JsonSerializer.Serialize(view, Json) : text(view));
        return 0;
    }

    private static Command List()
    {
        var command = new Command("list", "Models kept here, and the checkpoints of the mesh");
        command.SetAction(async (parsed, ct) =>
        {
            await using ModelAccess access = await OpenAsync(parsed, ModelRoutes.Limit, ct);
            return Print(parsed, await access.Models.ListAsync(ct), ModelText.List);
        });
        return command;
    }

    private static Command Show()
    {
        Argument<string> name = NameArgument();
        var command = new Command("show", "What a model is made of, or a run's newest checkpoint") { name };
        command.SetAction(async (parsed, ct) =>
        {
            await using ModelAccess access = await OpenAsync(parsed, ModelRoutes.Limit, ct);
            return Print(parsed, await access.Models.ShowAsync(parsed.GetRequiredValue(name), ct), ModelText.Show);
        });
        return command;
    }

    private static Command Push()
    {
        var file = new Argument<string>("file") { Description = "A safetensors file of F32 tensors" };
        var command = new Command("push", "Bring a file in as a model, tell others of it, and print its root") { file };
        command.SetAction(async (parsed, ct) =>
        {
            string path = Path.GetFullPath(parsed.GetRequiredValue(file));
            if (!File.Exists(path))
            {
                throw new UserErrorException($"{path}: no such file");
            }

            await using ModelAccess access = await OpenAsync(parsed, ModelRoutes.PushLimit, ct);
            ModelPushedView pushed = await access.Models.PushAsync(path, ct);
            Print(parsed, pushed, p => p.Root); // alone on its line, for scripts
            if (!IsJson(parsed))
            {
                Console.Error.WriteLine(ModelText.Pushed(pushed));
            }

            return 0;
        });
        return command;
    }

    private static Command Drop()
    {
        var root = new Argument<string>("root") { Description = "Root of a model that was pulled or pushed" };
        var command = new Command("drop", "Keep a model no longer") { root };
        command.SetAction(async (parsed, ct) =>
        {
            await using ModelAccess access = await OpenAsync(parsed, ModelRoutes.Limit, ct);
            return Print(parsed, await access.Models.DropAsync(parsed.GetRequiredValue(root), ct), answer => answer.Message);
        });
        return command;
    }
}
