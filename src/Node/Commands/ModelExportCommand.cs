using System.CommandLine;
using P2PLearn.Learning.Models;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn model export</c>: a model as a safetensors file.</summary>
internal static class ModelExportCommand
{
    public static Command Create()
    {
        Argument<string> name = ModelCommand.NameArgument();
        var output = new Option<string>("--output", "-o") { Description = "The safetensors file to write", Required = true };
        var force = new Option<bool>("--force") { Description = "Write over a file that is there" };
        var maker = new Option<string?>("--maker") { Description = "Of a run, this peer's model [default: the median of those that are here]" };
        var command = new Command("export", "Write a model as a safetensors file; of a run, the median of its makers' newest models") { name, output, force, maker };
        command.SetAction(async (parsed, ct) =>
        {
            string path = Path.GetFullPath(parsed.GetRequiredValue(output));
            bool overwrite = parsed.GetValue(force);
            CheckPath(path, overwrite);
            await using ModelAccess access = await ModelCommand.OpenAsync(parsed, ModelRoutes.Limit, ct);
            var source = new ModelSource(access.Models);
            IReadOnlyList<string> roots = await source.FindAsync(parsed.GetRequiredValue(name), parsed.GetValue(maker), ct);
            await WriteAsync(access.Models, source, roots, path, overwrite, ct);
            return ModelCommand.Print(parsed, new ExportedView(path, new FileInfo(path).Length, roots), Text);
        });
        return command;
    }

    private static void CheckPath(string path, bool overwrite)
    {
        if (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new UserErrorException($"{path}: {(Directory.Exists(path) ? "is a folder" : "its folder does not exist")}");
        }

        if (File.Exists(path) && !overwrite)
        {
            throw new UserErrorException($"{path}: there is such a file already; --force writes over it");
        }
    }

    private static async Task WriteAsync(
        IManagedModels models, ModelSource source, IReadOnlyList<string> roots, string path, bool overwrite, CancellationToken cancellationToken)
    {
        string temporary = path + ".tmp";
        try
        {
            if (roots.Count == 1)
            {
                ModelExport export = await models.ExportAsync(roots[0], cancellationToken);
                await using var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None);
                await export.WriteToAsync(file, cancellationToken);
                file.Flush(flushToDisk: true);
            }
            else
            {
                (ModelLayout layout, float[] median) = await source.ReadAsync(roots, cancellationToken);
                ModelFile.Write(temporary, layout, median);
            }

            File.Move(temporary, path, overwrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be written: {e.Message.TrimEnd('.')}");
        }
        finally
        {
            File.Delete(temporary); // a half-written one; after the move there is none
        }
    }

    private static string Text(ExportedView exported) => exported.Roots.Count == 1
        ? $"{exported.File}  {ModelText.Bytes(exported.Bytes)}"
        : $"{exported.File}  {ModelText.Bytes(exported.Bytes)}, the median of {exported.Roots.Count} models";

    private sealed record ExportedView(string File, long Bytes, IReadOnlyList<string> Roots);
}
