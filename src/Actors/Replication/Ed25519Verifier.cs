using System.Collections.Concurrent;
using System.Security.Cryptography;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Replication;

/// <summary>Checks signatures with the public key that a peer id holds, and remembers what was valid.</summary>
/// <remarks>
/// A replicated entry arrives many times, from every member: the memory makes every time but the first a hash (about 1 µs) instead of a
/// verification (about 60 µs). Bounded; when full it starts afresh. Safe for several threads.
/// </remarks>
public sealed class Ed25519Verifier : ISignatureVerifier
{
    /// <summary>Valid signatures remembered, 32 bytes each: more than all shards hold.</summary>
    public const int MaxRemembered = 8192;

    /// <summary>Keys remembered: more than members of a cluster.</summary>
    public const int MaxKeys = 256;

    private readonly ConcurrentDictionary<Hash256, byte> _valid = new();
    private readonly ConcurrentDictionary<ReplicaId, PublicKey> _keys = new();
    private long _verifications;

    /// <summary>Signatures that were really verified.</summary>
    public long VerificationCount => Interlocked.Read(ref _verifications);

    /// <inheritdoc/>
    public bool Verify(ReplicaId peer, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        Hash256 statement = HashOf(peer, message, signature);
        if (_valid.ContainsKey(statement))
        {
            return true;
        }

        if (!TryGetKey(peer, out PublicKey? key))
        {
            return false;
        }

        Interlocked.Increment(ref _verifications);
        bool valid = key!.Verify(message, signature) == SignatureCheck.Valid;
        if (valid)
        {
            Remember<Hash256, byte>(_valid, statement, 0, MaxRemembered);
        }

        return valid;
    }

    private bool TryGetKey(ReplicaId peer, out PublicKey? key)
    {
        if (_keys.TryGetValue(peer, out key))
        {
            return true;
        }

        bool found = !peer.IsEmpty && PeerId.TryFromBytes(peer.Bytes, out PeerId? peerId) && peerId.TryGetPublicKey(out key);
        if (found)
        {
            Remember(_keys, peer, key!, MaxKeys);
        }

        return found;
    }

    private static void Remember<TKey, TValue>(ConcurrentDictionary<TKey, TValue> memory, TKey key, TValue value, int max)
        where TKey : notnull
    {
        if (memory.Count >= max)
        {
            memory.Clear();
        }

        memory.TryAdd(key, value);
    }

    private static Hash256 HashOf(ReplicaId peer, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(peer.IsEmpty ? default : peer.Bytes);
        hash.AppendData(signature);
        hash.AppendData(message);
        Span<byte> digest = stackalloc byte[Hash256.Size];
        hash.GetHashAndReset(digest);
        return Hash256.FromBytes(digest);
    }
}
