using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Blocks;

/// <summary>Which providers are left alone, and until when. Bounded; safe for several threads.</summary>
internal sealed class ProviderMemory(FetchOptions options, TimeProvider time)
{
    private const int MaxPeers = 1024;
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, DateTimeOffset> _until = [];

    /// <summary>Remembers a provider that was dropped.</summary>
    /// <returns>For how long.</returns>
    public TimeSpan Remember(PeerId peer, EndReason reason)
    {
        TimeSpan pause = reason switch
        {
            EndReason.Timeout => options.StalledPause,
            EndReason.LinkLost => options.LostPause,
            _ => options.LiarPause,
        };
        lock (_lock)
        {
            DateTimeOffset until = time.GetUtcNow() + pause;
            if (_until.Count >= MaxPeers && !_until.ContainsKey(peer))
            {
                _until.Remove(_until.MinBy(p => p.Value).Key);
            }

            _until[peer] = _until.TryGetValue(peer, out DateTimeOffset earlier) && earlier > until ? earlier : until;
        }

        return pause;
    }

    public bool IsLeftAlone(PeerId peer)
    {
        lock (_lock)
        {
            return _until.TryGetValue(peer, out DateTimeOffset until) && until > time.GetUtcNow();
        }
    }
}
