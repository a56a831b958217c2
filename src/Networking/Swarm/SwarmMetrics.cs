using System.Diagnostics;
using System.Diagnostics.Metrics;
using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Swarm;

/// <summary>Counts what a swarm does: for the management page, for tests, and as instruments of the meter.</summary>
/// <remarks>Safe for several threads; a snapshot is not one instant, but each number in it only grows (gauges
/// excepted).</remarks>
internal sealed class SwarmMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "P2PLearn.Networking";

    private static readonly int ReasonCount = Enum.GetValues<EndReason>().Length;
    private static readonly int LimitCount = Enum.GetValues<ResourceLimit>().Length;
    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _dialCounter;
    private readonly Counter<long> _refusedCounter;
    private readonly Counter<long> _connectionEndCounter;
    private readonly Counter<long> _streamEndCounter;
    private readonly long[] _failedDials = new long[ReasonCount];
    private readonly long[] _connectionEnds = new long[ReasonCount];
    private readonly long[] _streamEnds = new long[ReasonCount];
    private readonly long[] _refused = new long[LimitCount];
    private long _bytesIn;
    private long _bytesOut;
    private long _dialled;
    private long _accepted;

    public SwarmMetrics()
    {
        _meter.CreateObservableCounter("p2plearn.network.io", ObserveBytes, "By", "Raw bytes over all connections");
        _dialCounter = _meter.CreateCounter<long>("p2plearn.network.dials", "{dial}", "Addresses dialled, by outcome");
        _refusedCounter = _meter.CreateCounter<long>(
            "p2plearn.network.refused", "{request}", "Connections and streams refused, by limit");
        _connectionEndCounter = _meter.CreateCounter<long>(
            "p2plearn.network.connection.ends", "{connection}", "Connections ended, by reason");
        _streamEndCounter = _meter.CreateCounter<long>(
            "p2plearn.network.stream.ends", "{stream}", "Streams ended, by reason");
    }

    /// <summary>The numbers now.</summary>
    public SwarmCounters Snapshot() => new()
    {
        BytesIn = Volatile.Read(ref _bytesIn),
        BytesOut = Volatile.Read(ref _bytesOut),
        ConnectionsDialled = Volatile.Read(ref _dialled),
        ConnectionsAccepted = Volatile.Read(ref _accepted),
        FailedDials = ByKey<EndReason>(_failedDials),
        ConnectionEnds = ByKey<EndReason>(_connectionEnds),
        StreamEnds = ByKey<EndReason>(_streamEnds),
        Refused = ByKey<ResourceLimit>(_refused),
    };

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    public void AddBytesIn(int count) => Interlocked.Add(ref _bytesIn, count);

    public void AddBytesOut(int count) => Interlocked.Add(ref _bytesOut, count);

    public void Dialled()
    {
        Interlocked.Increment(ref _dialled);
        _dialCounter.Add(1, Tag("outcome", EndReason.Completed));
    }

    public void Accepted() => Interlocked.Increment(ref _accepted);

    public void DialFailed(EndReason reason) => Count(_failedDials, (int)reason, _dialCounter, "outcome", reason);

    public void ConnectionEnded(EndReason reason) =>
        Count(_connectionEnds, (int)reason, _connectionEndCounter, "reason", reason);

    public void StreamEnded(EndReason reason) => Count(_streamEnds, (int)reason, _streamEndCounter, "reason", reason);

    public void Refused(ResourceLimit limit) => Count(_refused, (int)limit, _refusedCounter, "limit", limit);

    private static void Count<TKey>(long[] table, int index, Counter<long> counter, string tag, TKey key)
        where TKey : struct, Enum
    {
        Interlocked.Increment(ref table[index]);
        if (counter.Enabled)
        {
            counter.Add(1, Tag(tag, key));
        }
    }

    private static KeyValuePair<string, object?> Tag<TKey>(string name, TKey key)
        where TKey : struct, Enum => new(name, key.ToString());

    private static Dictionary<TKey, long> ByKey<TKey>(long[] table)
        where TKey : struct, Enum
    {
        var counts = new Dictionary<TKey, long>();
        foreach (TKey key in Enum.GetValues<TKey>())
        {
            long count = Volatile.Read(
                ref table[Convert.ToInt32(key, System.Globalization.CultureInfo.InvariantCulture)]);
            if (count != 0)
            {
                counts.Add(key, count);
            }
        }

        return counts;
    }

    private IEnumerable<Measurement<long>> ObserveBytes() =>
    [
        new(Volatile.Read(ref _bytesIn), new TagList { { "direction", "in" } }),
        new(Volatile.Read(ref _bytesOut), new TagList { { "direction", "out" } }),
    ];
}
