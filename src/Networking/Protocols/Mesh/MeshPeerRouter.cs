using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Finds members through members: asks those that are connected for the signed addresses of the one that is looked for.</summary>
/// <remarks>
/// RPC method <c>peers/find</c>: the peer id's bytes there, the peer's own signed record back, or nothing. An answer counts only under the
/// signature of the peer looked for, so a member can hide addresses but not invent any. Safe for several threads.
/// </remarks>
public sealed class MeshPeerRouter : IPeerRouter
{
    /// <summary>The method.</summary>
    public const string Method = "peers/find";

    /// <summary>Members asked for one peer: more than a mesh is meant to have.</summary>
    public const int MaxAsked = 64;

    /// <summary>Members asked at once.</summary>
    public const int MaxAskedAtOnce = 16;

    /// <summary>Longest record accepted, as in the peer store.</summary>
    public const int MaxRecordBytes = 8 * 1024;

    /// <summary>Most addresses taken from a record.</summary>
    public const int MaxAddresses = 20;

    /// <summary>A whole search.</summary>
    public static readonly TimeSpan SearchTimeout = TimeSpan.FromSeconds(3);

    /// <summary>How long others may still answer after the first record: theirs may be newer.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    private readonly RpcEndpoint _rpc;
    private readonly AdmittedStreams _streams;
    private readonly Swarm.Swarm _swarm;

    /// <summary>Starts to answer others.</summary>
    /// <param name="rpc">Calls and answers; members only, so it must run over <paramref name="streams"/>. Not owned.</param>
    /// <param name="streams">Who is a member.</param>
    /// <param name="swarm">Whose records are asked for, and who takes those found.</param>
    public MeshPeerRouter(RpcEndpoint rpc, AdmittedStreams streams, Swarm.Swarm swarm)
    {
        ArgumentNullException.ThrowIfNull(rpc);
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(swarm);
        (_rpc, _streams, _swarm) = (rpc, streams, swarm);
        rpc.Map(Method, Answer, new RpcMethodOptions { MaxRequestBytes = PeerId.MaxBytes, RunInline = true });
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Multiaddr>> FindPeerAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        using var timer = new CancellationTokenSource(SearchTimeout, _streams.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        var search = new Search(peer, timer);
        var options = new ParallelOptions { MaxDegreeOfParallelism = MaxAskedAtOnce, CancellationToken = either.Token };
        try
        {
            IEnumerable<PeerId> others = _streams.ConnectedPeers.Where(p => p != peer).Take(MaxAsked);
            await Parallel.ForEachAsync(others, options, (other, ct) => AskAsync(other, search, ct)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time for the search is over: what was found is the answer.
        }

        return search.Newest?.Addresses ?? [];
    }

    private ValueTask<RpcPayload> Answer(RpcRequest request, CancellationToken cancellationToken)
    {
        if (!PeerId.TryFromBytes(request.Body.Span, out PeerId? peer))
        {
            throw new RpcException(RpcStatus.InvalidArgument, "not a peer id");
        }

        return ValueTask.FromResult(
            _swarm.TryGetPeerRecord(peer, out ReadOnlyMemory<byte> envelope) ? RpcPayload.Wrap(envelope) : RpcPayload.Empty);
    }

    private async ValueTask AskAsync(PeerId other, Search search, CancellationToken cancellationToken)
    {
        try
        {
            using RpcPayload answer = await _rpc.CallAsync(
                other, Method, search.Request, new RpcCallOptions(SearchTimeout, MaxRecordBytes), cancellationToken).ConfigureAwait(false);
            if (search.TryTake(answer.Span))
            {
                _swarm.TryAddPeerRecord(answer.Span);
            }
        }
        catch (RpcException)
        {
            // It does not answer: the others may.
        }
    }

    /// <summary>One search and what it has found. Safe for several threads.</summary>
    private sealed class Search(PeerId peer, CancellationTokenSource timer)
    {
        private readonly Lock _lock = new();

        /// <summary>The question.</summary>
        public ReadOnlyMemory<byte> Request { get; } = peer.Bytes.ToArray();

        /// <summary>The newest record found.</summary>
        public PeerRecord? Newest { get; private set; }

        /// <summary>Takes an answer, which may be anything.</summary>
        /// <returns>False for one that is no record of the peer, signed by it.</returns>
        public bool TryTake(ReadOnlySpan<byte> answer)
        {
            if (answer.IsEmpty
                || PeerRecord.TryOpen(answer, peer, MaxRecordBytes, MaxAddresses, out PeerRecord? record) != EnvelopeCheck.Valid)
            {
                return false;
            }

            lock (_lock)
            {
                if (Newest is null)
                {
                    timer.CancelAfter(Grace);
                }

                Newest = Newest is null || record!.Seq > Newest.Seq ? record : Newest;
            }

            return true;
        }
    }
}
