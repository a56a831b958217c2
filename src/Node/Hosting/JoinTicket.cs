using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.Node.Hosting;

/// <summary>All that a machine needs to join, in one word to paste: mesh, key, addresses, and the run.</summary>
/// <remarks>
/// Text: <c>p2plearn</c> and the bytes in base58. Whoever has it can join: it is as secret as the mesh key.
/// <code>
/// +---------+---+------+---+-----+---+-----+---+ n × +--------+-----------+
/// | 1       | l | mesh | k | key | r | run | n |     | length | multiaddr |
/// | version |   | name |   |     |   |     |   |     |        |           |
/// +---------+---+------+---+-----+---+-----+---+     +--------+-----------+
///   1         1   l      1   k     1   r     1         2
/// </code>
/// k is 0 or 52 (the key as text), r is 0 or 32, integers big-endian; nothing follows.
/// </remarks>
/// <param name="Mesh">Name of the mesh.</param>
/// <param name="Key">Its key as text; null when it has none.</param>
/// <param name="Run">The run; null: the one that was proposed last.</param>
/// <param name="Seeds">Addresses of members, each ending in /p2p/….</param>
public sealed record JoinTicket(string Mesh, string? Key, RunId? Run, IReadOnlyList<Multiaddr> Seeds)
{
    /// <summary>Begins every ticket. No run id begins with it: they are hexadecimal.</summary>
    public const string Prefix = "p2plearn";

    /// <summary>Most addresses of a ticket.</summary>
    public const int MaxSeeds = 4;

    private const byte Version = 1;

    /// <summary>Whether this is meant as a ticket, well-formed or not.</summary>
    public static bool IsMeant(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Prefix, StringComparison.Ordinal);
    }

    /// <summary>Reads a ticket.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out JoinTicket? ticket)
    {
        ticket = null;
        return IsMeant(text)
            && Multibase.TryDecode((char)MultibaseEncoding.Base58Btc + text[Prefix.Length..], out byte[]? bytes)
            && TryDecode(bytes, out ticket);
    }

    /// <summary>The text.</summary>
    /// <exception cref="InvalidOperationException">A name, key or number of seeds that no ticket can have.</exception>
    public override string ToString()
    {
        byte[] name = Encoding.UTF8.GetBytes(Mesh);
        if (name.Length is 0 or > MeshOptions.MaxNameBytes || Seeds.Count is 0 or > MaxSeeds || (Key is not null && !MeshKey.TryParse(Key, out _)))
        {
            throw new InvalidOperationException("not what a ticket can hold");
        }

        using var bytes = new MemoryStream();
        bytes.WriteByte(Version);
        Write(bytes, name);
        Write(bytes, Encoding.ASCII.GetBytes(Key ?? ""));
        byte[] run = new byte[Run is null ? 0 : RunId.Size];
        Run?.CopyTo(run);
        Write(bytes, run);
        bytes.WriteByte((byte)Seeds.Count);
        Span<byte> length = stackalloc byte[2];
        foreach (Multiaddr seed in Seeds)
        {
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)seed.Bytes.Length);
            bytes.Write(length);
            bytes.Write(seed.Bytes);
        }

        return Prefix + Multibase.Encode(MultibaseEncoding.Base58Btc, bytes.ToArray())[1..];
    }

    private static void Write(MemoryStream bytes, byte[] field)
    {
        bytes.WriteByte((byte)field.Length);
        bytes.Write(field);
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out JoinTicket? ticket)
    {
        ticket = null;
        if (bytes.IsEmpty || bytes[0] != Version)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = bytes[1..];
        if (!TryTake(ref rest, 1, out ReadOnlySpan<byte> name) || !TryTake(ref rest, 1, out ReadOnlySpan<byte> key)
            || !TryTake(ref rest, 1, out ReadOnlySpan<byte> run) || rest.IsEmpty
            || name.Length is 0 or > MeshOptions.MaxNameBytes || run.Length is not (0 or RunId.Size) || rest[0] is 0 or > MaxSeeds)
        {
            return false;
        }

        string? keyText = key.IsEmpty ? null : Encoding.ASCII.GetString(key);
        if (keyText is not null && !MeshKey.TryParse(keyText, out _))
        {
            return false;
        }

        var seeds = new Multiaddr[rest[0]];
        rest = rest[1..];
        for (int i = 0; i < seeds.Length; i++)
        {
            if (!TryTake(ref rest, 2, out ReadOnlySpan<byte> address) || !Multiaddr.TryFromBytes(address, out Multiaddr? seed) || seed.PeerId is null)
            {
                return false;
            }

            seeds[i] = seed;
        }

        ticket = rest.IsEmpty ? new JoinTicket(Encoding.UTF8.GetString(name), keyText, run.IsEmpty ? null : RunId.FromBytes(run), seeds) : null;
        return ticket is not null;
    }

    /// <summary>Takes a field behind its length of one or two bytes.</summary>
    private static bool TryTake(ref ReadOnlySpan<byte> rest, int lengthBytes, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (rest.Length < lengthBytes)
        {
            return false;
        }

        int length = lengthBytes == 1 ? rest[0] : BinaryPrimitives.ReadUInt16BigEndian(rest);
        if (rest.Length < lengthBytes + length)
        {
            return false;
        }

        field = rest.Slice(lengthBytes, length);
        rest = rest[(lengthBytes + length)..];
        return true;
    }
}
