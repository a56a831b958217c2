using System.CommandLine;
using System.Globalization;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Plugins;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn model eval</c>: how good a model is on test examples, computed in this process.</summary>
internal static class ModelEvalCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("root-run-or-file") { Description = "Root of a model, a run, or a safetensors file" };
        var data = new Option<string>("--data") { Description = "What to try it on: the test examples of " + LearningOptionTexts.Data, Required = true };
        var model = new Option<string?>("--model") { Description = "What it is: " + LearningOptionTexts.Models + " [default: found by its layout]" };
        var maker = new Option<string?>("--maker") { Description = "Of a run, this peer's model [default: the median of those that are here]" };
        Option<string[]> plugin = PluginOption.Create();
        var command = new Command("eval", "Accuracy and loss of a model on test examples") { name, data, model, maker, plugin };
        command.SetAction(async (parsed, ct) =>
        {
            string wanted = parsed.GetRequiredValue(name);
            LearningCatalog catalog = PluginOption.Load(parsed.GetValue(plugin));
            (ModelLayout layout, float[] parameters) = File.Exists(wanted)
                ? ReadFile(wanted)
                : await ReadAsync(parsed, wanted, parsed.GetValue(maker), ct);
            LabelledExamples examples = LearningInput.ReadExamples(parsed.GetRequiredValue(data), catalog.Data).Test;
            NodeDaemon.EnsureTorch();
            using ITrainableModel network = KnownModels.Create(wanted, layout, parameters, parsed.GetValue(model), catalog.Models, examples.Input);
            Evaluation evaluation = network.Evaluate(examples);
            var view = new EvaluatedView(network.Name, evaluation.Accuracy, double.IsFinite(evaluation.Loss) ? evaluation.Loss : null, evaluation.Count);
            return ModelCommand.Print(parsed, view, Text);
        });
        return command;
    }

    private static (ModelLayout Layout, float[] Parameters) ReadFile(string path)
    {
        try
        {
            return ModelFile.ReadAny(path, new ModelFileLimits());
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException(e.Message.TrimEnd('.'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message.TrimEnd('.')}");
        }
    }

    private static async Task<(ModelLayout Layout, float[] Parameters)> ReadAsync(
        ParseResult parsed, string name, string? maker, CancellationToken cancellationToken)
    {
        if (name.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) || name.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            throw new UserErrorException($"{name}: no such file");
        }

        await using ModelAccess access = await ModelCommand.OpenAsync(parsed, ModelRoutes.Limit, cancellationToken);
        var source = new ModelSource(access.Models);
        return await source.ReadAsync(await source.FindAsync(name, maker, cancellationToken), cancellationToken);
    }

    private static string Text(EvaluatedView view) => string.Create(
        CultureInfo.InvariantCulture,
        $"{view.Model}: accuracy {view.Accuracy:0.0000}, loss {(view.Loss is { } loss ? loss.ToString("0.0000", CultureInfo.InvariantCulture) : "not finite")}, {view.Examples} examples");

    /// <summary>How good a model is: what <c>--json</c> prints.</summary>
    private sealed record EvaluatedView(string Model, double Accuracy, double? Loss, int Examples);
}
