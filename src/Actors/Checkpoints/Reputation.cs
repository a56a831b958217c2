using System.Buffers.Binary;
using System.Collections.Immutable;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>What became of one peer's contributions at one observer, counted over a run.</summary>
/// <param name="Kept">Mixed.</param>
/// <param name="Rejected">Left out by the mixing rule, or clipped to less than half an equal share.</param>
/// <param name="Missing">Expected, and not there in time.</param>
/// <param name="Refused">Failed a check.</param>
/// <param name="Equivocated">Two different ones signed for one round.</param>
public readonly record struct PeerCounts(uint Kept, uint Rejected, uint Missing, uint Refused, uint Equivocated)
{
    /// <summary>Rounds counted.</summary>
    public ulong Total => (ulong)Kept + Rejected + Missing + Refused + Equivocated;

    /// <summary>With one more of an outcome, named as in the event log; the same for an unknown word. Counts stop at their maximum.</summary>
    public PeerCounts Count(string outcome) => outcome switch
    {
        "kept" => this with { Kept = Next(Kept) },
        "rejected" or "clipped" => this with { Rejected = Next(Rejected) },
        "missing" => this with { Missing = Next(Missing) },
        "refused" => this with { Refused = Next(Refused) },
        "equivocated" => this with { Equivocated = Next(Equivocated) },
        _ => this,
    };

    private static uint Next(uint count) => count == uint.MaxValue ? count : count + 1;
}

/// <summary>What one observer saw of the others' contributions in a run. Immutable.</summary>
/// <remarks>
/// The payload of an attestation of kind <see cref="AttestationKind.Reputation"/>, whose version is the round that was counted last; integers
/// big-endian, peers ascending by their bytes:
/// <code>
/// +---------+-------+ n × +-----+---------+------+----------+---------+---------+-------------+
/// | 1       | n     |     | len | peer id | kept | rejected | missing | refused | equivocated |
/// +---------+-------+     +-----+---------+------+----------+---------+---------+-------------+
///   1         2             1     len       4      4          4         4         4
/// </code>
/// Counters are an observer's word: they inform people, and decide nothing about a model.
/// </remarks>
/// <param name="Peers">By peer.</param>
public sealed record Reputation(ImmutableDictionary<PeerId, PeerCounts> Peers)
{
    /// <summary>Most peers of one report, so that it fits an attestation whatever their ids; those counted most often.</summary>
    public const int MaxPeers = 48;

    private const byte Version = 1;
    private const int CountBytes = 5 * sizeof(uint);

    /// <summary>Nothing seen.</summary>
    public static Reputation Empty { get; } = new(ImmutableDictionary<PeerId, PeerCounts>.Empty);

    /// <summary>With the outcome of one contribution, named as in the event log.</summary>
    public Reputation Count(PeerId peer, string outcome) =>
        new(Peers.SetItem(peer, Peers.GetValueOrDefault(peer).Count(outcome)));

    /// <summary>The payload; of more than <see cref="MaxPeers"/> those counted most often.</summary>
    public byte[] Encode()
    {
        KeyValuePair<PeerId, PeerCounts>[] rows =
        [
            .. Peers.OrderByDescending(p => p.Value.Total).Take(MaxPeers).OrderBy(p => p.Key.Bytes.ToArray(), Comparer<byte[]>.Create(
                static (a, b) => a.AsSpan().SequenceCompareTo(b))),
        ];
        byte[] payload = new byte[3 + rows.Sum(r => 1 + r.Key.Bytes.Length + CountBytes)];
        payload[0] = Version;
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(1), (ushort)rows.Length);
        Span<byte> rest = payload.AsSpan(3);
        foreach ((PeerId peer, PeerCounts counts) in rows)
        {
            rest[0] = (byte)peer.Bytes.Length;
            peer.Bytes.CopyTo(rest[1..]);
            rest = rest[(1 + peer.Bytes.Length)..];
            foreach (uint count in (ReadOnlySpan<uint>)[counts.Kept, counts.Rejected, counts.Missing, counts.Refused, counts.Equivocated])
            {
                BinaryPrimitives.WriteUInt32BigEndian(rest, count);
                rest = rest[sizeof(uint)..];
            }
        }

        return payload;
    }

    /// <summary>Reads a report from untrusted bytes; null when it is none, in its one form.</summary>
    public static Reputation? TryDecode(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 3 || payload[0] != Version || BinaryPrimitives.ReadUInt16BigEndian(payload[1..]) is var count && count > MaxPeers)
        {
            return null;
        }

        ImmutableDictionary<PeerId, PeerCounts>.Builder peers = ImmutableDictionary.CreateBuilder<PeerId, PeerCounts>();
        ReadOnlySpan<byte> rest = payload[3..];
        ReadOnlySpan<byte> before = default;
        for (int i = 0; i < count; i++)
        {
            if (rest.IsEmpty || rest.Length < 1 + rest[0] + CountBytes
                || !PeerId.TryFromBytes(rest.Slice(1, rest[0]), out PeerId? peer) || (i > 0 && before.SequenceCompareTo(peer.Bytes) >= 0))
            {
                return null;
            }

            before = rest.Slice(1, rest[0]);
            ReadOnlySpan<byte> counts = rest.Slice(1 + rest[0], CountBytes);
            peers.Add(peer, new PeerCounts(Read(counts, 0), Read(counts, 1), Read(counts, 2), Read(counts, 3), Read(counts, 4)));
            rest = rest[(1 + rest[0] + CountBytes)..];
        }

        return rest.IsEmpty ? new Reputation(peers.ToImmutable()) : null;
    }

    private static uint Read(ReadOnlySpan<byte> counts, int index) => BinaryPrimitives.ReadUInt32BigEndian(counts[(index * sizeof(uint))..]);
}
