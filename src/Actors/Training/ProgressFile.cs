using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Networking.Files;

namespace P2PLearn.Actors.Training;

/// <summary>Where a node was when it wrote its progress.</summary>
/// <param name="Run">The run.</param>
/// <param name="Round">The round.</param>
/// <param name="Committed">
/// The signed contribution of <paramref name="Round"/>: the node is to announce exactly this one. Null: the round is mixed, the next one begins.
/// </param>
/// <param name="TrainerState">Model, optimizer and sampler, as the trainer exported them; θ is the half-step model when committed.</param>
public sealed record Progress(RunId Run, int Round, Contribution? Committed, byte[] TrainerState);

/// <summary>The file that lets a node go on after kill -9: written before anything is announced.</summary>
/// <remarks>
/// <code>
/// +-------+---------+-----+-------+---------------------+--------------+---------------+---------+
/// | magic | version | run | round | contribution length | contribution | trainer state | SHA-256 |
/// |   4   |    4    | 32  |   4   |          4          |      …       |       …       |   32    |
/// +-------+---------+-----+-------+---------------------+--------------+---------------+---------+
/// </code>
/// Integers are little-endian; length 0 = no contribution. Replaced as a whole, and durable when the call returns, its name included: after a
/// power cut that undid the rename, the node would sign a second contribution for a round that it has announced.
/// </remarks>
public static class ProgressFile
{
    private const uint Magic = 0x50_4C_32_50; // "P2LP"
    private const uint Version = 1;
    private const int HeaderBytes = 4 + 4 + RunId.Size + 4 + 4;
    private const int DigestBytes = SHA256.HashSizeInBytes;

    /// <summary>Replaces the file; when the call returns, the progress is on the disk.</summary>
    /// <exception cref="IOException">One line that names the file and the cause, such as a full disk; the old file is there.</exception>
    public static void Write(string path, Progress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        byte[] contribution = progress.Committed is { } committed ? ContributionCodec.Encode(committed) : [];
        byte[] bytes = new byte[HeaderBytes + contribution.Length + progress.TrainerState.Length + DigestBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Version);
        progress.Run.CopyTo(bytes.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8 + RunId.Size), progress.Round);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12 + RunId.Size), contribution.Length);
        contribution.CopyTo(bytes, HeaderBytes);
        progress.TrainerState.CopyTo(bytes, HeaderBytes + contribution.Length);
        SHA256.HashData(bytes.AsSpan(0, bytes.Length - DigestBytes), bytes.AsSpan(bytes.Length - DigestBytes));
        DurableFile.Replace(path, bytes, ownerOnly: false);
    }

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">Longest file that is taken into memory: the run's trainer state and some.</param>
    /// <param name="progress">What it says.</param>
    /// <param name="error">
    /// One line when the file is there but cannot be used; null when there is none, or a longer one that is whole: that is of another run.
    /// </param>
    public static bool TryRead(string path, long maxBytes, [NotNullWhen(true)] out Progress? progress, out string? error)
    {
        progress = null;
        error = null;
        if (!File.Exists(path))
        {
            return false;
        }

        long length = new FileInfo(path).Length;
        error = length < HeaderBytes + DigestBytes ? $"{path}: damaged: {length} bytes are too few for progress"
            : length > maxBytes ? CheckDigest(path)
            : Parse(path, File.ReadAllBytes(path), out progress);
        return error is null && progress is not null;
    }

    /// <summary>Checks a file that is too long to be read into memory.</summary>
    private static string? CheckDigest(string path)
    {
        using FileStream file = File.OpenRead(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[64 << 10];
        for (long left = file.Length - DigestBytes; left > 0;)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
            file.ReadExactly(part);
            hash.AppendData(part);
            left -= part.Length;
        }

        Span<byte> digest = buffer.AsSpan(0, DigestBytes);
        file.ReadExactly(digest);
        return digest.SequenceEqual(hash.GetHashAndReset()) ? null : Damaged(path);
    }

    private static string Damaged(string path) => $"{path}: damaged: its checksum does not fit";

    private static string? Parse(string path, ReadOnlySpan<byte> bytes, out Progress? progress)
    {
        progress = null;
        Span<byte> digest = stackalloc byte[DigestBytes];
        SHA256.HashData(bytes[..^DigestBytes], digest);
        if (!digest.SequenceEqual(bytes[^DigestBytes..]))
        {
            return Damaged(path);
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != Version)
        {
            return $"{path}: not progress of this version of the program";
        }

        int round = BinaryPrimitives.ReadInt32LittleEndian(bytes[(8 + RunId.Size)..]);
        uint contributionBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + RunId.Size)..]);
        ReadOnlySpan<byte> rest = bytes[HeaderBytes..^DigestBytes];
        Contribution? committed = null;
        bool fits = round >= 0 && contributionBytes <= rest.Length;
        if (fits && contributionBytes > 0)
        {
            fits = ContributionCodec.TryDecode(rest[..(int)contributionBytes].ToArray(), CrdtLimits.Default, out committed, out _);
        }

        if (!fits)
        {
            return $"{path}: damaged: its fields do not read";
        }

        progress = new Progress(RunId.FromBytes(bytes.Slice(8, RunId.Size)), round, committed, rest[(int)contributionBytes..].ToArray());
        return null;
    }
}
