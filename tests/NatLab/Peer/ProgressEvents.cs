using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.NatPeer;

/// <summary>Tells how far a fetch is, at its begin and at every twentieth of it. Reports come from several threads, and may overtake each other.</summary>
internal sealed class ProgressEvents(EventWriter events, Cid root) : IProgress<FetchProgress>
{
    private const int Steps = 20;
    private readonly Lock _gate = new();
    private long _last = -1;

    public void Report(FetchProgress value)
    {
        long step = value.TotalBytes == 0 ? Steps : Steps * value.BytesDone / value.TotalBytes;
        lock (_gate)
        {
            if (step <= _last)
            {
                return;
            }

            _last = step;
        }

        events.Write(
            "progress",
            ("root", root.ToString()),
            ("blocks", value.BlocksDone),
            ("bytes", value.BytesDone),
            ("total", value.TotalBytes),
            ("providers", value.ProviderCount),
            ("bytesPerSecond", Math.Round(value.BytesPerSecond)));
    }
}
