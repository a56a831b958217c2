using System.CommandLine;
using P2PLearn.Node.Doctor;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn doctor</c>: checks and repairs the data directory of a node that does not run.</summary>
internal static class DoctorCommand
{
    /// <summary>Exit code when problems are left.</summary>
    public const int ProblemsExitCode = 1;

    public static Command Create()
    {
        var dataDir = new Option<string>("--data-dir")
        {
            Description = "The node's data directory",
            DefaultValueFactory = _ => "p2plearn-data",
        };
        var repair = new Option<bool>("--repair") { Description = "Put right what can be; what is damaged is put aside, not thrown away" };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("doctor", "Check a node's data directory while the node does not run, and repair it.") { dataDir, repair, json };
        command.SetAction(async (parsed, ct) =>
        {
            using DataDirectory data = Open(parsed.GetRequiredValue(dataDir));
            IReadOnlyList<(string Check, Finding Finding)> findings = await DoctorRunner.RunAsync(
                DoctorContext.Of(data), DoctorChecks.All, parsed.GetValue(repair), ct);
            Console.Out.Write(parsed.GetValue(json) ? DoctorReport.Json(findings) : DoctorReport.Text(findings));
            return findings.Any(f => f.Finding.State == FindingState.Problem) ? ProblemsExitCode : 0;
        });
        return command;
    }

    /// <summary>Opens a directory that is there, and holds its lock: no node starts meanwhile.</summary>
    private static DataDirectory Open(string root)
    {
        if (!Directory.Exists(root))
        {
            throw new UserErrorException($"{root}: no such data directory");
        }

        return DataDirectory.IsOne(root)
            ? DataDirectory.Open(root, whenInUse: "a node runs on this data directory; stop it first, as the doctor needs the directory alone")
            : throw new UserErrorException($"{root}: not a node's data directory (it has neither a lock nor an identity.key)");
    }
}
