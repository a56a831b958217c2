using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>What waits to be sent to one peer, and the stream that it goes over. All but the stream is under the service's lock.</summary>
internal sealed class PeerLane(PeerId peer)
{
    private const int MaxAsked = 65_536;
    private const int MaxWantsPerMessage = 512;
    private readonly Dictionary<Cid, WantEntry> _wants = []; // the newest of each name
    private readonly HashSet<Cid> _asked = [];

    public PeerId Peer => peer;

    /// <summary>What the server has for the peer.</summary>
    public ServeTask? Task { get; set; }

    /// <summary>Somebody is sending.</summary>
    public bool IsRunning { get; set; }

    /// <summary>Kept between messages; the sender's alone.</summary>
    public PeerStream? Stream { get; set; }

    /// <summary>Timestamp of the last write; the sender's alone.</summary>
    public long LastWrite { get; set; }

    public bool HasWork => Task is not null || _wants.Count > 0;

    public void Add(IReadOnlyList<WantEntry> wants)
    {
        foreach (WantEntry want in wants)
        {
            _wants[want.Cid] = want;
            if (!want.IsCancel)
            {
                if (_asked.Count == MaxAsked)
                {
                    _asked.Clear(); // of a long run; a late block of before is then taken for unasked
                }

                _asked.Add(want.Cid);
            }
        }
    }

    /// <summary>Whether the peer was ever asked for this, or about it.</summary>
    public bool WasAsked(Cid cid) => _asked.Contains(cid);

    public IReadOnlyList<WantEntry> TakeWants()
    {
        WantEntry[] taken = [.. _wants.Values.Take(MaxWantsPerMessage)];
        foreach (WantEntry want in taken)
        {
            _wants.Remove(want.Cid);
        }

        return taken;
    }

    public void Clear() => _wants.Clear();
}
