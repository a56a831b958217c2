using Microsoft.Extensions.Logging;

namespace P2PLearn.Node.Hosting;

/// <summary>Log lines on standard error, one each: time, level, part, message. Exceptions only by their message, unless traces are wanted.</summary>
internal sealed class StandardErrorLoggerProvider(TimeProvider time, bool withTraces) : ILoggerProvider
{
    private readonly Lock _gate = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void Dispose()
    {
        // Nothing is held.
    }

    private void Write(LogLevel level, string part, string message, Exception? error)
    {
        string line = $"{time.GetLocalNow():HH:mm:ss.fff} {level.ToString().ToLowerInvariant()} {part}: {message}";
        line += error is null ? "" : $" ({error.GetType().Name}: {error.Message})";
        line = line.ReplaceLineEndings(" ") + (withTraces && error is not null ? Environment.NewLine + error : "");
        lock (_gate)
        {
            Console.Error.WriteLine(line);
        }
    }

    private sealed class Logger(StandardErrorLoggerProvider provider, string part) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None; // the factory filters

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            provider.Write(logLevel, part, formatter(state, exception), exception);
    }
}
