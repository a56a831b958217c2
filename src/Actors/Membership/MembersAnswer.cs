using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>What a node says about the cluster to one that would join.</summary>
/// <param name="IsMember">It is in a cluster itself.</param>
/// <param name="Live">The other members that it reaches at present. Those that nobody reaches need not be reached by a newcomer either.</param>
/// <param name="Joining">Peers that said before the asker did that they are about to join.</param>
internal sealed record MembersAnswer(bool IsMember, IReadOnlyList<PeerId> Live, IReadOnlyList<PeerId> Joining);

/// <summary>Questions and answers of <c>/p2plearn/members/1.0.0</c>.</summary>
/// <remarks>
/// <code>
/// question   1 byte: 0 only asking, 1 about to join
/// answer     1 byte: 0 not in a cluster, 1 a member · 1 byte: n, at most 64
///            n × { 1 byte: 1 a live member, 2 about to join · 1 byte: length L · L bytes: peer id }
/// </code>
/// Each side closes behind its message.
/// </remarks>
internal static class MembersCodec
{
    /// <summary>Peers in one answer, at most: some more than members of a cluster.</summary>
    public const int MaxPeers = 64;

    /// <summary>Bytes of the longest answer.</summary>
    public const int MaxBytes = 2 + (MaxPeers * (2 + PeerId.MaxBytes));

    private const byte LiveMark = 1;
    private const byte JoiningMark = 2;

    /// <summary>The bytes of an answer; what is beyond <see cref="MaxPeers"/> is left out, first of those about to join.</summary>
    public static byte[] Write(MembersAnswer answer)
    {
        PeerId[] live = [.. answer.Live.Take(MaxPeers)];
        PeerId[] joining = [.. answer.Joining.Take(MaxPeers - live.Length)];
        List<byte> bytes = [answer.IsMember ? (byte)1 : (byte)0, (byte)(live.Length + joining.Length)];
        Add(live, LiveMark);
        Add(joining, JoiningMark);
        return [.. bytes];

        void Add(PeerId[] peers, byte mark)
        {
            foreach (PeerId peer in peers)
            {
                bytes.Add(mark);
                bytes.Add((byte)peer.Bytes.Length);
                bytes.AddRange(peer.Bytes);
            }
        }
    }

    /// <summary>Reads a whole answer.</summary>
    /// <returns>False unless it is one to the last byte.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out MembersAnswer? answer)
    {
        answer = null;
        if (bytes.Length < 2 || bytes[0] > 1 || bytes[1] > MaxPeers)
        {
            return false;
        }

        List<PeerId> live = [], joining = [];
        ReadOnlySpan<byte> rest = bytes[2..];
        for (int i = 0; i < bytes[1]; i++)
        {
            if (rest.Length < 2 || rest[0] is not (LiveMark or JoiningMark) || rest.Length < 2 + rest[1]
                || !PeerId.TryFromBytes(rest.Slice(2, rest[1]), out PeerId? peer))
            {
                return false;
            }

            (rest[0] == LiveMark ? live : joining).Add(peer);
            rest = rest[(2 + rest[1])..];
        }

        answer = new MembersAnswer(bytes[0] == 1, live, joining);
        return rest.IsEmpty;
    }
}
