using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace P2PLearn.Actors.Tests;

/// <summary>Keeps log lines, for asserting what a user would see and for explaining a failure.</summary>
internal sealed class TestLog : ILoggerFactory
{
    public ConcurrentQueue<(LogLevel Level, string Category, string Line)> Entries { get; } = new();

    public IEnumerable<string> At(LogLevel level) => Entries.Where(e => e.Level == level).Select(e => $"{e.Category}: {e.Line}");

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    private sealed class Logger(TestLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Entries.Enqueue((logLevel, category, formatter(state, exception) + (exception is null ? "" : " | " + exception.GetType().Name + ": " + exception.Message)));
    }
}
