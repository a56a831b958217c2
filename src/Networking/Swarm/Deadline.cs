namespace P2PLearn.Networking.Swarm;

/// <summary>A total time limit on top of a caller's token: slow drips do not extend it.</summary>
internal sealed class Deadline : IDisposable
{
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _linked;

    public Deadline(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        _timer = new CancellationTokenSource(limit, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, cancellationToken);
    }

    /// <summary>Fires at the limit or with the caller's token.</summary>
    public CancellationToken Token => _linked.Token;

    /// <summary>The limit has passed.</summary>
    public bool Passed => _timer.IsCancellationRequested;

    /// <inheritdoc/>
    public void Dispose()
    {
        _linked.Dispose();
        _timer.Dispose();
    }
}
