using Microsoft.Extensions.Logging;

namespace P2PLearn.NatPeer;

/// <summary>Turns log lines into events, to see what a swarm thought when a test fails.</summary>
internal sealed class EventLogger(EventWriter events, LogLevel least, string category = "") : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => new EventLogger(events, least, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            events.Write(
                "log",
                ("level", logLevel.ToString()),
                ("from", category),
                ("text", formatter(state, exception)),
                ("exception", exception?.ToString()));
        }
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
