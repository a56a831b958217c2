using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Learning.Plugins;
using P2PLearn.Learning.Torch;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>Runs a node in the foreground until it is told to stop.</summary>
internal static class NodeDaemon
{
    /// <summary>How often an event log file is rotated: at this size.</summary>
    private const long MaxEventLogBytes = 16 << 20;

    /// <summary>Exit code of a node that could not go on.</summary>
    public const int FailedExitCode = 1;

    public static async Task<int> RunAsync(NodeOptions options, LearningCatalog catalog, bool json, CancellationToken stop)
    {
        using DataDirectory data = DataDirectory.Open(options.DataDir);
        if (options.Data is not null)
        {
            EnsureTorch();
        }

        LogLevel level = Enum.Parse<LogLevel>(options.LogLevel, ignoreCase: true);
        using ILoggerFactory loggers = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(level)
            .AddProvider(new StandardErrorLoggerProvider(TimeProvider.System, withTraces: level <= LogLevel.Debug)));
        var printer = new EventPrinter(json, Console.Out);
        await using var events = new EventLog(data.EventFile, MaxEventLogBytes, printer.Print, TimeProvider.System);
        await using RunningNode node = await RunningNode.OpenAsync(options, catalog, data, events, loggers, TimeProvider.System, stop);
        await node.StartAsync(printer, stop);
        int code = 0;
        try
        {
            await node.WaitAsync(stop);
        }
        catch (LearningFailedException e)
        {
            Console.Error.WriteLine("p2plearn: " + Describe(e, data.Root));
            code = FailedExitCode; // the others need not wait for a node that trains no more: it leaves
        }

        await node.StopAsync();
        return code;
    }

    private static string Describe(LearningFailedException e, string root) => e.IsProgressDamaged
        ? $"{e.Message}; run 'p2plearn doctor --repair --data-dir {root}'"
        : e.Message;

    /// <summary>Loads libtorch, or says in one line why not.</summary>
    public static void EnsureTorch()
    {
        try
        {
            TorchLibrary.EnsureLoaded();
        }
        catch (TorchUnavailableException e)
        {
            throw new UserErrorException(e.Message);
        }
    }
}
