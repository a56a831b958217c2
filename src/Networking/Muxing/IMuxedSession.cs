namespace P2PLearn.Networking.Muxing;

/// <summary>A secure channel split into streams.</summary>
public interface IMuxedSession : IAsyncDisposable
{
    /// <summary>Opens a stream; waits while too many of ours are unacknowledged.</summary>
    /// <exception cref="IOException">The session has ended or is going away.</exception>
    ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken);

    /// <summary>The next stream that the remote opened, or null when the session has ended.</summary>
    ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken);

    /// <summary>Ends, never faults, when the session is over, and says why.</summary>
    Task<EndReason> Completion { get; }

    /// <summary>The last measured round-trip time of a session ping, or null before the first answer.</summary>
    TimeSpan? RoundTripTime { get; }

    /// <summary>Streams open now, both directions.</summary>
    int OpenStreamCount { get; }
}
