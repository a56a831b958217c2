using Akka.Event;

namespace P2PLearn.Actors.Remoting;

/// <summary>Stands where Akka would write to the terminal before its loggers start and after they stop.</summary>
public sealed class SilentLogger : MinimalLogger
{
    /// <inheritdoc/>
    protected override void Log(object message)
    {
    }
}
