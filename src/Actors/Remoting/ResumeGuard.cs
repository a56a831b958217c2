using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Remoting;

/// <summary>Counts how often each peer asks to go on with an association, within a minute. Pure but for its lock; time comes in.</summary>
/// <remarks>Remembers at most <see cref="MaxPeers"/> peers; when full, those whose minute is over make room, and if there are none, the oldest.</remarks>
/// <param name="maxPerMinute">Allowed per peer.</param>
internal sealed class ResumeGuard(int maxPerMinute)
{
    /// <summary>Peers counted at the same time: several times the members of a cluster.</summary>
    public const int MaxPeers = 256;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, (TimeSpan Since, int Count)> _peers = [];

    /// <summary>Counts a request.</summary>
    /// <returns>False when it is one too many.</returns>
    public bool TryPass(PeerId peer, TimeSpan now)
    {
        lock (_gate)
        {
            (TimeSpan Since, int Count) entry = _peers.GetValueOrDefault(peer);
            if (entry.Count == 0 || now - entry.Since >= Window)
            {
                MakeRoom(peer, now);
                entry = (now, 0);
            }

            _peers[peer] = entry with { Count = entry.Count + 1 };
            return entry.Count < maxPerMinute;
        }
    }

    private void MakeRoom(PeerId newcomer, TimeSpan now)
    {
        if (_peers.Count < MaxPeers || _peers.ContainsKey(newcomer))
        {
            return;
        }

        foreach (PeerId peer in _peers.Where(entry => now - entry.Value.Since >= Window).Select(entry => entry.Key).ToArray())
        {
            _peers.Remove(peer);
        }

        if (_peers.Count >= MaxPeers)
        {
            _peers.Remove(_peers.MinBy(entry => entry.Value.Since).Key);
        }
    }
}
