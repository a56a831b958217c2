using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>Who has said to this node that it is about to join, in the order in which they did. Pure but for its lock; time comes in.</summary>
/// <remarks>
/// Two that cannot talk to each other must not both join because neither was a member yet when the other looked: of two that announce themselves
/// to the same member one is first, and the second hears of it.
/// </remarks>
/// <param name="validFor">How long a word counts that is not repeated.</param>
internal sealed class JoiningPeers(TimeSpan validFor)
{
    private readonly Lock _gate = new();
    private readonly List<(PeerId Peer, TimeSpan At)> _peers = []; // by the time of the first word

    /// <summary>Takes a peer's word that it is about to join, or takes it back.</summary>
    /// <returns>Those who said so before it.</returns>
    public IReadOnlyList<PeerId> Note(PeerId peer, bool isJoining, TimeSpan now)
    {
        lock (_gate)
        {
            _peers.RemoveAll(other => now - other.At > validFor || (other.Peer == peer && !isJoining));
            int index = _peers.FindIndex(other => other.Peer == peer);
            if (index >= 0)
            {
                _peers[index] = (peer, now);
            }
            else if (isJoining && _peers.Count < MembersCodec.MaxPeers)
            {
                _peers.Add((peer, now));
            }

            return [.. _peers.TakeWhile(other => other.Peer != peer).Select(other => other.Peer)];
        }
    }
}
