namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a relay has done since it began.</summary>
/// <remarks>Safe for several threads. As many keys as there are statuses and reasons.</remarks>
internal sealed class RelayCounters
{
    private readonly Dictionary<string, long> _refused = [];
    private readonly Dictionary<EndReason, long> _circuitEnds = [];
    private long _bytesRelayed;

    /// <summary>Over all circuits and both directions.</summary>
    public long BytesRelayed => Volatile.Read(ref _bytesRelayed);

    public void AddBytes(int bytes) => Interlocked.Add(ref _bytesRelayed, bytes);

    public void CountRefused(string status) => Count(_refused, status);

    public void CountEnd(EndReason reason) => Count(_circuitEnds, reason);

    public Dictionary<string, long> Refused() => Copy(_refused);

    public Dictionary<EndReason, long> CircuitEnds() => Copy(_circuitEnds);

    private static void Count<TKey>(Dictionary<TKey, long> counts, TKey key)
        where TKey : notnull
    {
        lock (counts)
        {
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
    }

    private static Dictionary<TKey, long> Copy<TKey>(Dictionary<TKey, long> counts)
        where TKey : notnull
    {
        lock (counts)
        {
            return new Dictionary<TKey, long>(counts);
        }
    }
}
