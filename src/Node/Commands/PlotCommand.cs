using System.CommandLine;
using P2PLearn.Learning.Experiments;
using P2PLearn.Node.Plots;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn plot</c>: results files of simulations as pictures.</summary>
internal static class PlotCommand
{
    private static readonly Argument<string[]> Files = new("files")
    {
        Description = "Results files that simulate --out has written; each is a line in the pictures",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string> Out = new("--out") { Description = "Folder for the pictures", DefaultValueFactory = _ => "plots" };

    public static Command Create()
    {
        var command = new Command("plot", "Draw results of simulations as SVG and PNG: accuracy, disagreement, what was kept of the attackers.") { Files, Out };
        command.SetAction(Run);
        return command;
    }

    /// <summary>Draws into a folder, each chart as SVG and as PNG.</summary>
    /// <returns>The files without their endings.</returns>
    public static IReadOnlyList<string> Draw(IReadOnlyList<PlottedRun> runs, string folder)
    {
        Directory.CreateDirectory(folder);
        var drawn = new List<string>();
        foreach (Chart chart in RunCharts.Of(runs))
        {
            Drawing drawing = ChartLayout.Of(chart);
            string path = Path.Combine(folder, chart.Name);
            File.WriteAllText(path + ".svg", SvgWriter.Write(drawing));
            File.WriteAllBytes(path + ".png", PngWriter.Write(drawing));
            drawn.Add(path);
        }

        return drawn;
    }

    private static int Run(ParseResult parsed)
    {
        string[] files = parsed.GetRequiredValue(Files);
        PlottedRun[] runs = [.. files.Select(file => new PlottedRun(files.Length == 1 ? "" : Path.GetFileNameWithoutExtension(file), [Read(file)]))];
        IReadOnlyList<string> drawn = Draw(runs, parsed.GetRequiredValue(Out));
        if (drawn.Count == 0)
        {
            throw new UserErrorException("there is no round in " + (files.Length == 1 ? files[0] : "any of the files"));
        }

        foreach (string path in drawn)
        {
            Console.Out.WriteLine($"{path}.svg and .png");
        }

        return 0;
    }

    private static RunResults Read(string file)
    {
        try
        {
            return ResultsFile.Read(file);
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserErrorException(e.Message);
        }
    }
}
