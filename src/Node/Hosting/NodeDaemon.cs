using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Learning.Torch;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>Runs a node in the foreground until it is told to stop.</summary>
internal static class NodeDaemon
{
    /// <summary>How often an event log file is rotated: at this size.</summary>
    private const long MaxEventLogBytes = 16 << 20;

    public static async Task<int> RunAsync(NodeOptions options, bool json, CancellationToken stop)
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
        await using var node = new RunningNode(options, data, events, loggers, TimeProvider.System);
        await node.StartAsync(printer, stop);
        await node.WaitAsync(stop);
        await node.StopAsync();
        return 0;
    }

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
