using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace P2PLearn.Networking.Tests.Discovery;

/// <summary>Keeps the texts of warnings and errors.</summary>
internal sealed class Warnings(Action<string> noted) : ILoggerFactory, ILogger
{
    public ConcurrentQueue<string> Texts { get; } = [];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => NullLogger.Instance.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Texts.Enqueue(formatter(state, exception));
            noted(formatter(state, exception));
        }
    }

    public void Dispose()
    {
    }
}
