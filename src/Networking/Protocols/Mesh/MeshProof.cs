using System.Buffers;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>One proof, seen from one side, without I/O: messages in, messages and a verdict out.</summary>
/// <remarks>
/// <code>
/// initiator                      responder
///   hello  ──────────────────▶   version, name, allow list
///   version, name, allow list ◀── hello
///   proof  ──────────────────▶   key
///   key    ◀──────────────────   proof
///   accept ──────────────────▶
/// </code>
/// Either side may send a refusal instead of its next message; the key is looked at last, so a refusal for the name says nothing about
/// it. A side admits only after it heard that the other one does. After a verdict the proof is over. Not safe for several threads.
/// </remarks>
internal sealed class MeshProof
{
    private readonly MeshRole _role;
    private readonly MeshTerms _terms;
    private readonly MeshParty _local;
    private readonly PeerId _remote;
    private MeshParty _remoteParty; // with its nonce from the hello on
    private Phase _phase;

    /// <summary>Begins a proof.</summary>
    /// <param name="role">Our side.</param>
    /// <param name="terms">What we ask for.</param>
    /// <param name="local">This node.</param>
    /// <param name="remote">The peer as the connection's handshake proved it.</param>
    /// <param name="nonce">32 random bytes, used nowhere else.</param>
    public MeshProof(MeshRole role, MeshTerms terms, PeerId local, PeerId remote, byte[] nonce)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, MeshTerms.NonceBytes);
        _role = role;
        _terms = terms;
        _local = new MeshParty(local, nonce);
        _remote = remote;
        _phase = role == MeshRole.Initiator ? Phase.Silent : Phase.AwaitingHello;
    }

    private enum Phase
    {
        Silent,
        AwaitingHello,
        AwaitingProof,
        AwaitingAccept,
        Over,
    }

    /// <summary>What to send before anything is received: the initiator's hello.</summary>
    public void Start(IBufferWriter<byte> output)
    {
        if (_phase == Phase.Silent)
        {
            MeshMessage.WriteHello(output, _terms, _local.Nonce);
            _phase = Phase.AwaitingHello;
        }
    }

    /// <summary>Takes one message in.</summary>
    /// <param name="message">Untrusted, without its length.</param>
    /// <param name="output">Takes what is to be sent, lengths included.</param>
    /// <returns>The verdict, or null while the proof goes on.</returns>
    /// <exception cref="InvalidOperationException">The proof is over, or was not started.</exception>
    public MeshVerdict? Receive(ReadOnlySpan<byte> message, IBufferWriter<byte> output)
    {
        if (MeshMessage.TryReadRefuse(message, out AdmissionRefusal refusal) && _phase is not (Phase.Silent or Phase.Over))
        {
            return End(MeshVerdict.ByRemote(refusal, _terms.Version));
        }

        return _phase switch
        {
            Phase.AwaitingHello => TakeHello(message, output),
            Phase.AwaitingProof => TakeProof(message, output),
            Phase.AwaitingAccept => MeshMessage.IsAccept(message) ? End(MeshVerdict.Admitted) : Malformed(output),
            _ => throw new InvalidOperationException("this proof takes no messages"),
        };
    }

    private MeshVerdict? TakeHello(ReadOnlySpan<byte> message, IBufferWriter<byte> output)
    {
        if (!MeshMessage.TryReadHello(message, out string version, out ReadOnlySpan<byte> rest))
        {
            return Malformed(output);
        }

        if (version != _terms.Version)
        {
            return RefuseWithHello(MeshVerdict.WrongVersion(_terms.Version), output);
        }

        if (!MeshMessage.TryReadHelloRest(rest, out string name, out ReadOnlySpan<byte> nonce))
        {
            return Malformed(output);
        }

        if (name != _terms.Name)
        {
            return RefuseWithHello(MeshVerdict.WrongMesh(name, _terms.Name), output);
        }

        if (!_terms.Allows(_remote))
        {
            return Refuse(MeshVerdict.NotAllowed, output);
        }

        _remoteParty = new MeshParty(_remote, nonce.ToArray());
        Reply(output);
        _phase = Phase.AwaitingProof;
        return null;
    }

    private MeshVerdict? TakeProof(ReadOnlySpan<byte> message, IBufferWriter<byte> output)
    {
        if (!MeshMessage.TryReadProof(message, out ReadOnlySpan<byte> mac))
        {
            return Malformed(output);
        }

        Span<byte> expected = stackalloc byte[MeshTerms.MacBytes];
        Prove(_role == MeshRole.Initiator ? MeshRole.Responder : MeshRole.Initiator, expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, mac))
        {
            return Refuse(MeshVerdict.WrongKey, output);
        }

        if (_role == MeshRole.Initiator)
        {
            MeshMessage.WriteAccept(output);
            return End(MeshVerdict.Admitted);
        }

        WriteProof(output);
        _phase = Phase.AwaitingAccept;
        return null;
    }

    /// <summary>Answers a hello that we agree with: by ours, or by our proof.</summary>
    private void Reply(IBufferWriter<byte> output)
    {
        if (_role == MeshRole.Responder)
        {
            MeshMessage.WriteHello(output, _terms, _local.Nonce);
        }
        else
        {
            WriteProof(output);
        }
    }

    private void WriteProof(IBufferWriter<byte> output)
    {
        Span<byte> mac = stackalloc byte[MeshTerms.MacBytes];
        Prove(_role, mac);
        MeshMessage.WriteProof(output, mac);
    }

    private void Prove(MeshRole prover, Span<byte> mac)
    {
        bool initiated = _role == MeshRole.Initiator;
        _terms.Prove(prover, initiated ? _local : _remoteParty, initiated ? _remoteParty : _local, mac);
    }

    /// <summary>A responder that refuses for name or version says its own, so that both people read what differs.</summary>
    private MeshVerdict RefuseWithHello(MeshVerdict verdict, IBufferWriter<byte> output)
    {
        if (_role == MeshRole.Responder)
        {
            MeshMessage.WriteHello(output, _terms, _local.Nonce);
        }

        return Refuse(verdict, output);
    }

    private MeshVerdict Malformed(IBufferWriter<byte> output) => Refuse(MeshVerdict.Broke(EndReason.MalformedMessage), output);

    private MeshVerdict Refuse(MeshVerdict verdict, IBufferWriter<byte> output)
    {
        MeshMessage.WriteRefuse(output, verdict.Refusal);
        return End(verdict);
    }

    private MeshVerdict End(MeshVerdict verdict)
    {
        _phase = Phase.Over;
        return verdict;
    }
}
