using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;

namespace P2PLearn.Node.Commands;

/// <summary>The command line: parses, runs one command, and turns a user error into one line and exit code 2.</summary>
public static class CommandLine
{
    /// <summary>Exit code of a command that this machine did not let go on, such as by a full disk.</summary>
    public const int FailedExitCode = 1;

    /// <summary>Exit code of a command that was stopped by Ctrl+C or SIGTERM before it was done.</summary>
    public const int StoppedExitCode = 130;

    /// <summary>Runs the program.</summary>
    /// <returns>0 = done, 1 = failed, 2 = the input cannot be used, 130 = stopped before it was done.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        ParseResult parsed = Build().Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Refuse(parsed.Errors[0].Message.TrimEnd('.') + "; see " + HelpHint(parsed));
        }

        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = StopOn(PosixSignal.SIGINT, stop);
        using PosixSignalRegistration terminate = StopOn(PosixSignal.SIGTERM, stop);
        try
        {
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, stop.Token);
        }
        catch (UserErrorException e)
        {
            return Refuse(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine("p2plearn: " + e.Message.ReplaceLineEndings(" ")); // the disk or another device of this machine
            return FailedExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return StoppedExitCode;
        }
    }

    private static RootCommand Build()
    {
        var root = new RootCommand("P2PLearn: train a model together with others, with no server anywhere.")
        {
            KeygenCommand.Create(),
            NodeCommand.Create(),
            ClusterCommand.Create(),
            NatCommand.Create(),
            DhtCommand.Create(),
            ModelCommand.Create(),
            SimulateCommand.Create(),
            PlotCommand.Create(),
            DemoCommand.Create(),
            DoctorCommand.Create(),
        };
        root.Options.OfType<HelpOption>().Single().Action = new HelpWithExamples();
        return root;
    }

    private static int Refuse(string message)
    {
        Console.Error.WriteLine("p2plearn: " + message);
        return UserErrorException.ExitCode;
    }

    private static string HelpHint(ParseResult parsed)
    {
        var path = new List<string>();
        for (SymbolNode? node = new(parsed.CommandResult); node is not null; node = node.Parent)
        {
            path.Insert(0, node.Name);
        }

        return $"'{string.Join(' ', path)} --help'";
    }

    private static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true; // the second signal of a kind ends the process the hard way
            if (stop.IsCancellationRequested)
            {
                Environment.Exit(StoppedExitCode);
            }

            stop.Cancel();
        });

    private sealed class SymbolNode(System.CommandLine.Parsing.CommandResult result)
    {
        public string Name => result.Command is RootCommand ? "p2plearn" : result.Command.Name;

        public SymbolNode? Parent =>
            result.Parent is System.CommandLine.Parsing.CommandResult parent ? new SymbolNode(parent) : null;
    }

    private sealed class HelpWithExamples : SynchronousCommandLineAction
    {
        private readonly HelpAction _help = new();

        public override int Invoke(ParseResult parseResult)
        {
            int code = _help.Invoke(parseResult);
            if (Examples.Of(parseResult.CommandResult.Command.Name) is { } examples)
            {
                parseResult.InvocationConfiguration.Output.WriteLine("Examples:\n" + examples);
            }

            return code;
        }
    }
}
