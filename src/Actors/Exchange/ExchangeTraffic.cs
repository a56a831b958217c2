namespace P2PLearn.Actors.Exchange;

/// <summary>Bytes of models that went in and out; safe for several threads.</summary>
public sealed class ExchangeTraffic
{
    private long _sent;
    private long _received;

    /// <summary>Model bytes sent since the node started.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Model bytes received since the node started.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Counts bytes sent.</summary>
    public void AddSent(long bytes) => Interlocked.Add(ref _sent, bytes);

    /// <summary>Counts bytes received.</summary>
    public void AddReceived(long bytes) => Interlocked.Add(ref _received, bytes);
}
