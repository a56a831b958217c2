using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace P2PLearn.Actors.Remoting;

/// <summary>Passes Akka's log on to ours, in ours' levels, without what frightens people for no reason.</summary>
/// <remarks>
/// Every peer that goes makes Akka.Remote log an ERROR with a stack ("Disassociated") and a WARNING (the address "is now gated"); the transport has
/// already said in one line that the link closed, so from Akka.Remote's endpoints only lines that are no disassociation stay, and those as debug.
/// </remarks>
public sealed class AkkaLogBridge : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    /// <summary>Longest line passed on: parts of it may come from a peer.</summary>
    public const int MaxLineLength = 500;

    private readonly ILoggerFactory _loggers;

    /// <summary>Created by Akka, with the loggers of the system's <see cref="P2PTransportSetup"/>.</summary>
    public AkkaLogBridge()
    {
        _loggers = Context.System.Settings.Setup.Get<P2PTransportSetup>().Value.Loggers;
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Pass);
    }

    /// <summary>The level in our log of a line that Akka logged.</summary>
    internal static LogLevel LevelOf(Akka.Event.LogLevel level, string source, string line)
    {
        bool endpoint = source.Contains("endpointManager", StringComparison.Ordinal)
            || source.Contains("akkaprotocolmanager", StringComparison.Ordinal)
            || source.Contains("EndpointWriter", StringComparison.Ordinal)
            || source.Contains("ProtocolStateActor", StringComparison.Ordinal)
            || line.StartsWith("Tried to associate with unreachable", StringComparison.Ordinal);
        bool farewell = line.Contains("isassociated", StringComparison.Ordinal)
            || line.Contains("now gated", StringComparison.Ordinal)
            || line.Contains("AssociationError", StringComparison.Ordinal)
            || line.Contains("ssociation", StringComparison.Ordinal);
        return level switch
        {
            _ when endpoint && farewell => LogLevel.Debug,
            Akka.Event.LogLevel.ErrorLevel => LogLevel.Error,
            Akka.Event.LogLevel.WarningLevel => LogLevel.Warning,
            Akka.Event.LogLevel.InfoLevel => LogLevel.Debug, // what matters of it the host of the cluster says in words of ours
            _ => LogLevel.Debug,
        };
    }

    /// <summary>One line of bounded length, without control characters.</summary>
    internal static string Clean(string text)
    {
        string cut = text.Length > MaxLineLength ? text[..MaxLineLength] + "…" : text;
        return string.Create(cut.Length, cut, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
    }

    private void Pass(LogEvent entry)
    {
        string line = entry.Message?.ToString() ?? string.Empty;
        LogLevel level = LevelOf(entry.LogLevel(), entry.LogSource ?? string.Empty, line + entry.Cause?.GetType().Name);
        ILogger log = _loggers.CreateLogger(entry.LogClass?.FullName ?? "Akka");
        if (log.IsEnabled(level))
        {
            log.FromAkka(level, level >= LogLevel.Error ? entry.Cause : null, Clean(line));
        }
    }
}
