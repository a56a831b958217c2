using System.Collections.Frozen;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>What this node asks of a member, in the form that the proof compares and hashes.</summary>
internal sealed class MeshTerms
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceBytes = 32;

    /// <summary>Bytes of a proof: HMAC-SHA256.</summary>
    public const int MacBytes = HMACSHA256.HashSizeInBytes;

    private const int MaxTranscriptBytes = 7 + 32 + MeshOptions.MaxVersionBytes + MeshOptions.MaxNameBytes + (2 * NonceBytes) + (2 * PeerId.MaxBytes);

    private readonly MeshKey? _key;
    private readonly FrozenSet<PeerId>? _allowed;

    /// <summary>Takes over validated options.</summary>
    public MeshTerms(MeshOptions options)
    {
        _key = options.Key;
        _allowed = options.AllowedPeers?.ToFrozenSet();
        Name = options.Name;
        Version = options.Version;
    }

    /// <summary>The mesh's name.</summary>
    public string Name { get; }

    /// <summary>The version asked for.</summary>
    public string Version { get; }

    /// <summary>Whether a peer may be a member at all.</summary>
    public bool Allows(PeerId peer) => _allowed?.Contains(peer) ?? true;

    /// <summary>The proof of one role; an open mesh has a key that everybody knows.</summary>
    /// <param name="prover">Whose proof: the label differs, so that neither side's can be sent back to it.</param>
    /// <param name="initiator">The peer that opened the stream, and its nonce.</param>
    /// <param name="responder">The other one.</param>
    /// <param name="mac">Shape [<see cref="MacBytes"/>].</param>
    public void Prove(MeshRole prover, MeshParty initiator, MeshParty responder, Span<byte> mac)
    {
        Span<byte> transcript = stackalloc byte[MaxTranscriptBytes];
        Span<byte> rest = transcript;
        Append(ref rest, prover == MeshRole.Initiator ? "p2plearn-mesh initiator"u8 : "p2plearn-mesh responder"u8);
        Append(ref rest, Encoding.ASCII.GetBytes(Version));
        Append(ref rest, initiator.Nonce);
        Append(ref rest, responder.Nonce);
        Append(ref rest, initiator.Peer.Bytes);
        Append(ref rest, responder.Peer.Bytes);
        Append(ref rest, Encoding.ASCII.GetBytes(Name));
        ReadOnlySpan<byte> key = _key is null ? "p2plearn-mesh without a key"u8 : _key.Bytes;
        int written = HMACSHA256.HashData(key, transcript[..^rest.Length], mac);
        Debug.Assert(written == MacBytes);
    }

    /// <summary>Each field behind its length, so that no two lists of fields look alike.</summary>
    private static void Append(ref Span<byte> rest, ReadOnlySpan<byte> field)
    {
        rest[0] = (byte)field.Length;
        field.CopyTo(rest[1..]);
        rest = rest[(1 + field.Length)..];
    }
}

/// <summary>The side of a proof.</summary>
internal enum MeshRole
{
    /// <summary>Opened the stream; speaks first and proves first.</summary>
    Initiator,

    /// <summary>Took the stream.</summary>
    Responder,
}

/// <summary>One side of a proof.</summary>
/// <param name="Peer">Who, as the handshake of the connection proved.</param>
/// <param name="Nonce">Its 32 fresh bytes.</param>
internal readonly record struct MeshParty(PeerId Peer, byte[] Nonce);
