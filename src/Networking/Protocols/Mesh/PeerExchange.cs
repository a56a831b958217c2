using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Gets to know the mesh through any member: asks each newly admitted peer once for the members it is connected
/// with.</summary>
/// <remarks>
/// RPC method <c>peers/list</c>: nothing there; back the signed peer records, each behind its length (u16, big-endian). A
/// record counts only under its own signature, so a member can hide others but not invent addresses for them. Safe for
/// several threads.
/// </remarks>
public sealed class PeerExchange : IAsyncDisposable
{
    /// <summary>The method.</summary>
    public const string Method = "peers/list";

    /// <summary>Most records given and taken: more than a mesh is meant to have members.</summary>
    public const int MaxRecords = 64;

    /// <summary>Longest answer taken.</summary>
    public const int MaxAnswerBytes = 128 * 1024;

    /// <summary>One question.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly RpcEndpoint _rpc;
    private readonly AdmittedStreams _streams;
    private readonly Swarm.Swarm _swarm;
    private readonly TaskGroup _tasks;
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal

    /// <summary>Starts to answer, and to ask whoever is or gets admitted.</summary>
    /// <param name="rpc">Members only, so it must run over <paramref name="streams"/>. Not owned.</param>
    /// <param name="streams">Who is a member. Not owned.</param>
    /// <param name="swarm">Whose records are given, and who takes those found. Not owned.</param>
    /// <param name="loggers">Where logs go.</param>
    public PeerExchange(RpcEndpoint rpc, AdmittedStreams streams, Swarm.Swarm swarm, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(rpc);
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(swarm);
        (_rpc, _streams, _swarm) = (rpc, streams, swarm);
        ILogger log = loggers.CreateLogger<PeerExchange>();
        _tasks = new TaskGroup(e => MeshLog.Unexpected(log, e));
        rpc.Map(Method, Answer, new RpcMethodOptions { MaxRequestBytes = 0, RunInline = true });
        streams.PeerConnected += Ask;
        foreach (PeerId peer in streams.ConnectedPeers)
        {
            Ask(peer);
        }
    }

    /// <summary>A member was heard of that is not connected; the swarm knows its addresses now. Handlers must not
    /// block.</summary>
    public event Action<PeerId>? Found;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _streams.PeerConnected -= Ask;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="answer">Untrusted.</param>
    /// <returns>The records, as far as the answer can be read.</returns>
    internal static List<ReadOnlyMemory<byte>> Read(ReadOnlyMemory<byte> answer)
    {
        List<ReadOnlyMemory<byte>> records = [];
        while (answer.Length >= sizeof(ushort) && records.Count < MaxRecords)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(answer.Span);
            answer = answer[sizeof(ushort)..];
            if (length > answer.Length)
            {
                break;
            }

            records.Add(answer[..length]);
            answer = answer[length..];
        }

        return records;
    }

    private ValueTask<RpcPayload> Answer(RpcRequest request, CancellationToken cancellationToken)
    {
        List<ReadOnlyMemory<byte>> records = [];
        int bytes = 0;
        foreach (PeerId peer in _streams.ConnectedPeers.Where(p => p != request.Peer).Take(MaxRecords))
        {
            if (_swarm.TryGetPeerRecord(peer, out ReadOnlyMemory<byte> record)
                && record.Length <= MeshPeerRouter.MaxRecordBytes
                && bytes + sizeof(ushort) + record.Length <= MaxAnswerBytes)
            {
                records.Add(record);
                bytes += sizeof(ushort) + record.Length;
            }
        }

        RpcPayload payload = RpcPayload.Rent(bytes);
        Span<byte> rest = payload.Writable.Span;
        foreach (ReadOnlyMemory<byte> record in records)
        {
            BinaryPrimitives.WriteUInt16BigEndian(rest, (ushort)record.Length);
            record.Span.CopyTo(rest[sizeof(ushort)..]);
            rest = rest[(sizeof(ushort) + record.Length)..];
        }

        return ValueTask.FromResult(payload);
    }

    private void Ask(PeerId peer) => _tasks.TryRun(() => AskAsync(peer));

    private async Task AskAsync(PeerId peer)
    {
        try
        {
            using RpcPayload answer = await _rpc.CallAsync(
                peer, Method, ReadOnlyMemory<byte>.Empty, new RpcCallOptions(Timeout, MaxAnswerBytes), _closing.Token)
                .ConfigureAwait(false);
            foreach (ReadOnlyMemory<byte> record in Read(answer.Memory))
            {
                Take(record);
            }
        }
        catch (RpcException)
        {
            // It does not answer: others may.
        }
    }

    private void Take(ReadOnlyMemory<byte> record)
    {
        EnvelopeCheck check = SignedEnvelope.TryOpen(
            record.Span, PeerRecord.Domain, PeerRecord.PayloadType, MeshPeerRouter.MaxRecordBytes, out SignedEnvelope? opened);
        PeerId? peer = check == EnvelopeCheck.Valid ? opened!.PublicKey.PeerId : null;
        if (peer is not null
            && peer != _swarm.LocalPeer
            && _swarm.TryAddPeerRecord(record.Span)
            && !_streams.ConnectedPeers.Contains(peer))
        {
            Found?.Invoke(peer);
        }
    }
}
