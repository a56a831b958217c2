using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Security;

/// <summary>Who begins: the XX pattern is not symmetric, and the muxer follows the initiator's order.</summary>
internal enum NoiseRole
{
    Initiator,
    Responder,
}

/// <summary>What one side brings to a handshake.</summary>
/// <param name="Role">Who begins.</param>
/// <param name="Identity">Signs the static key; stays the caller's.</param>
/// <param name="ExpectedRemote">Whom we mean to reach, or null for whoever answers.</param>
/// <param name="Muxers">Offered early, in order of preference; empty for a second multistream negotiation instead.</param>
internal sealed record NoiseHandshakeSetup(
    NoiseRole Role, KeyPair Identity, PeerId? ExpectedRemote, IReadOnlyList<string> Muxers);

/// <summary>One side of the Noise XX handshake of libp2p: bytes in, bytes out, no I/O.</summary>
/// <remarks>
/// Source: Noise specification, 5.3 and 7.5; libp2p specs, noise. <c>Noise_XX_25519_ChaChaPoly_SHA256</c> with an empty prologue:
/// <code>
///   initiator                                responder
///   1  → e
///   2                            e, ee, s, es + payload ←
///   3  → s, se + payload
/// </code>
/// The caller alternates <see cref="Write"/> and <see cref="Read"/>, the initiator writing first, until <see cref="IsComplete"/>; then
/// it takes the result once. After a <see cref="Read"/> that did not return <see cref="EndReason.None"/> the state is dead.
/// </remarks>
internal sealed class NoiseHandshakeState : IDisposable
{
    private readonly NoiseHandshakeSetup _setup;
    private readonly NoiseKey _static;
    private readonly NoiseKey _ephemeral;
    private readonly NoiseSymmetricState _symmetric = new("Noise_XX_25519_ChaChaPoly_SHA256"u8, []);
    private byte[] _remoteEphemeral = [];
    private byte[] _remoteStatic = [];
    private NoisePayload? _remote;
    private int _nextMessage = 1; // 1, 2, 3; 4 when complete, 0 when dead

    public NoiseHandshakeState(NoiseHandshakeSetup setup)
        : this(setup, NoiseKey.Generate(), NoiseKey.Generate())
    {
    }

    /// <summary>Takes given keys, which it disposes: published vectors fix them.</summary>
    public NoiseHandshakeState(NoiseHandshakeSetup setup, NoiseKey staticKey, NoiseKey ephemeralKey)
    {
        _setup = setup;
        _static = staticKey;
        _ephemeral = ephemeralKey;
    }

    public bool IsComplete => _nextMessage == 4;

    /// <summary>Whether the next step is ours.</summary>
    public bool WritesNext => _nextMessage is 1 or 3
        ? _setup.Role == NoiseRole.Initiator
        : _nextMessage == 2 && _setup.Role == NoiseRole.Responder;

    /// <summary>The muxer agreed within the handshake, or null to negotiate it over the channel.</summary>
    public string? Muxer { get; private set; }

    /// <summary>The proven remote; null until its payload was read.</summary>
    public PublicKey? RemoteKey => _remote?.IdentityKey;

    /// <summary>Longest message that the remote may send next, so that its length can be refused before it is awaited.</summary>
    /// <param name="maxPayloadBytes">The limit on payloads.</param>
    public int MaxNextMessageBytes(int maxPayloadBytes)
    {
        int sealedPayload = maxPayloadBytes + NoiseFrame.TagBytes;
        int sealedKey = NoiseKey.PublicBytes + NoiseFrame.TagBytes;
        return _nextMessage switch
        {
            1 => NoiseKey.PublicBytes,
            2 => NoiseKey.PublicBytes + sealedKey + sealedPayload,
            _ => sealedKey + sealedPayload,
        };
    }

    /// <summary>Appends our next message, with its length before it.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        if (!WritesNext)
        {
            throw new InvalidOperationException($"message {_nextMessage} is not ours");
        }

        byte[] payload = _nextMessage == 1 ? [] : NoisePayload.Create(_setup.Identity, _static.Public, _setup.Muxers);
        Span<byte> frame = output.GetSpan(NoiseFrame.HeaderBytes + MaxNextMessageBytes(payload.Length));
        Span<byte> message = frame[NoiseFrame.HeaderBytes..];
        int length = _nextMessage switch
        {
            1 => WriteEphemeral(message),
            2 => WriteSecond(message, payload),
            _ => WriteThird(message, payload),
        };
        NoiseFrame.WriteHeader(frame, length);
        output.Advance(NoiseFrame.HeaderBytes + length);
        _nextMessage++;
    }

    /// <summary>Takes the remote's next message, without its length.</summary>
    /// <returns>
    /// <see cref="EndReason.None"/>; <see cref="EndReason.MalformedMessage"/>; <see cref="EndReason.AuthenticationFailed"/> for a tag,
    /// signature or point that does not hold; <see cref="EndReason.PeerIdMismatch"/>; <see cref="EndReason.ProtocolNotSupported"/> when
    /// both offered muxers and have none in common.
    /// </returns>
    public EndReason Read(ReadOnlySpan<byte> message)
    {
        if (WritesNext || _nextMessage is 0 or 4)
        {
            throw new InvalidOperationException($"message {_nextMessage} is not the remote's");
        }

        EndReason reason = _nextMessage switch
        {
            1 => ReadFirst(message),
            2 => ReadSecond(message),
            _ => ReadThird(message),
        };
        _nextMessage = reason == EndReason.None ? _nextMessage + 1 : 0;
        return reason;
    }

    /// <summary>The ciphers of the channel; the caller disposes them.</summary>
    public (NoiseCipherState Send, NoiseCipherState Receive) Split()
    {
        Debug.Assert(IsComplete, "split before the end");
        (NoiseCipherState fromInitiator, NoiseCipherState fromResponder) = _symmetric.Split();
        return _setup.Role == NoiseRole.Initiator ? (fromInitiator, fromResponder) : (fromResponder, fromInitiator);
    }

    public void Dispose()
    {
        _symmetric.Dispose();
        _static.Dispose();
        _ephemeral.Dispose();
    }

    private int WriteEphemeral(Span<byte> message)
    {
        _ephemeral.Public.CopyTo(message);
        _symmetric.MixHash(_ephemeral.Public);
        if (_nextMessage == 1)
        {
            _symmetric.MixHash([]); // the empty payload of message 1
        }

        return NoiseKey.PublicBytes;
    }

    private int WriteSecond(Span<byte> message, byte[] payload)
    {
        int at = WriteEphemeral(message); // e; ee was mixed when message 1 came
        at += _symmetric.EncryptAndHash(_static.Public, message[at..]); // s
        Require(Mix(_static, _remoteEphemeral)); // es
        return at + _symmetric.EncryptAndHash(payload, message[at..]);
    }

    private int WriteThird(Span<byte> message, byte[] payload)
    {
        int at = _symmetric.EncryptAndHash(_static.Public, message); // s
        Require(Mix(_static, _remoteEphemeral)); // se
        return at + _symmetric.EncryptAndHash(payload, message[at..]);
    }

    private EndReason ReadFirst(ReadOnlySpan<byte> message)
    {
        if (message.Length != NoiseKey.PublicBytes)
        {
            return EndReason.MalformedMessage; // libp2p: message 1 is e and nothing else
        }

        _remoteEphemeral = message.ToArray();
        _symmetric.MixHash(message);
        _symmetric.MixHash([]);

        // "ee" belongs to message 2; mixed already here, so that a bad point is refused before we answer. The order does not
        // matter: between here and there only the transcript hash changes, which keys do not enter.
        return Mix(_ephemeral, _remoteEphemeral) ? EndReason.None : EndReason.AuthenticationFailed;
    }

    private EndReason ReadSecond(ReadOnlySpan<byte> message)
    {
        if (message.Length < NoiseKey.PublicBytes)
        {
            return EndReason.MalformedMessage;
        }

        _remoteEphemeral = message[..NoiseKey.PublicBytes].ToArray();
        _symmetric.MixHash(_remoteEphemeral);
        if (!Mix(_ephemeral, _remoteEphemeral)) // ee
        {
            return EndReason.AuthenticationFailed;
        }

        EndReason reason = ReadStatic(message[NoiseKey.PublicBytes..], out ReadOnlySpan<byte> payload);
        if (reason != EndReason.None)
        {
            return reason;
        }

        return Mix(_ephemeral, _remoteStatic) ? ReadPayload(payload) : EndReason.AuthenticationFailed; // es
    }

    private EndReason ReadThird(ReadOnlySpan<byte> message)
    {
        EndReason reason = ReadStatic(message, out ReadOnlySpan<byte> payload);
        if (reason != EndReason.None)
        {
            return reason;
        }

        return Mix(_ephemeral, _remoteStatic) ? ReadPayload(payload) : EndReason.AuthenticationFailed; // se
    }

    private EndReason ReadStatic(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> rest)
    {
        const int SealedBytes = NoiseKey.PublicBytes + NoiseFrame.TagBytes;
        rest = default;
        if (message.Length < SealedBytes + NoiseFrame.TagBytes)
        {
            return EndReason.MalformedMessage;
        }

        _remoteStatic = new byte[NoiseKey.PublicBytes];
        rest = message[SealedBytes..];
        return _symmetric.TryDecryptAndHash(message[..SealedBytes], _remoteStatic)
            ? EndReason.None
            : EndReason.AuthenticationFailed;
    }

    private EndReason ReadPayload(ReadOnlySpan<byte> message)
    {
        byte[] payload = new byte[message.Length - NoiseFrame.TagBytes];
        if (!_symmetric.TryDecryptAndHash(message, payload))
        {
            return EndReason.AuthenticationFailed;
        }

        EndReason reason = NoisePayload.Read(payload, _remoteStatic, out _remote);
        if (_remote is null)
        {
            return reason;
        }

        if (_setup.ExpectedRemote is { } expected && expected != _remote.IdentityKey.PeerId)
        {
            return EndReason.PeerIdMismatch;
        }

        return SelectMuxer(_remote.Muxers);
    }

    /// <summary>libp2p specs, inlined muxer negotiation: the first of the initiator's list that the responder has.</summary>
    private EndReason SelectMuxer(IReadOnlyList<string> remote)
    {
        if (remote.Count == 0 || _setup.Muxers.Count == 0)
        {
            return EndReason.None;
        }

        (IReadOnlyList<string> first, IReadOnlyList<string> second) =
            _setup.Role == NoiseRole.Initiator ? (_setup.Muxers, remote) : (remote, _setup.Muxers);
        Muxer = first.FirstOrDefault(second.Contains);
        return Muxer is null ? EndReason.ProtocolNotSupported : EndReason.None;
    }

    private bool Mix(NoiseKey ours, byte[] theirs)
    {
        if (!ours.TryAgree(theirs, out byte[]? secret))
        {
            return false;
        }

        _symmetric.MixKey(secret);
        CryptographicOperations.ZeroMemory(secret);
        return true;
    }

    private static void Require(bool agreed)
    {
        if (!agreed)
        {
            throw new UnreachableException("a point that was usable is not");
        }
    }
}
