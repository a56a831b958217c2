using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Exchange;

/// <summary>Carries contributions between nodes over RPC, and checks each before a float of it reaches the run.</summary>
/// <remarks>
/// <c>contribution/push</c>: the head goes first; the receiver says whether it wants the model before a byte of it is sent; then the model,
/// straight from memory to memory; then the verdict. <c>model/get</c>: a hash in, the model out. Both are drawn in docs/wire.md. Safe for
/// several threads; lives as long as the run, and serves whichever run actor is current.
/// </remarks>
public sealed class ContributionService
{
    /// <summary>The method by which a maker sends its contribution.</summary>
    public const string PushMethod = "contribution/push";

    /// <summary>The method by which anyone gets a model by its hash.</summary>
    public const string GetMethod = "model/get";

    /// <summary>Longest encoded contribution in bytes; one has about 300.</summary>
    public const int MaxHeadBytes = 1024;

    /// <summary>Pushes of one peer that are received at once; a second connection may overlap a dying first.</summary>
    public const int MaxPushesPerPeer = 2;

    /// <summary>Longest time that a model may take on its way.</summary>
    public static readonly TimeSpan TransferLimit = TimeSpan.FromMinutes(2);

    /// <summary>Longest wait for the run actor's word on an offer.</summary>
    public static readonly TimeSpan OfferLimit = TimeSpan.FromSeconds(5);

    private readonly RunContext _context;
    private readonly IPeerStreams _streams;
    private readonly RpcEndpoint _rpc;
    private readonly Ed25519Verifier _verifier = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, int> _pushes = [];
    private IActorRef? _run;

    /// <summary>Creates the service and offers its methods to the peers.</summary>
    /// <param name="context">The run.</param>
    /// <param name="streams">Whom to blame.</param>
    /// <param name="rpc">The carrier; not owned.</param>
    public ContributionService(RunContext context, IPeerStreams streams, RpcEndpoint rpc)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rpc);
        _context = context;
        _streams = streams;
        _rpc = rpc;
        var push = new RpcMethodOptions { MaxRequestBytes = Math.Max(ModelBytes, MaxHeadBytes), MaxStreamBytes = (long)ModelBytes + MaxHeadBytes };
        rpc.MapStream(PushMethod, ReceiveAsync, push);
        rpc.MapStream(GetMethod, SendAsync, new RpcMethodOptions { MaxRequestBytes = Hash256.Size, MaxStreamBytes = Hash256.Size });
    }

    /// <summary>A peer is connected, again maybe: what could not be sent to it can be. Handlers must not block.</summary>
    public event Action<PeerId> PeerConnected
    {
        add => _streams.PeerConnected += value;
        remove => _streams.PeerConnected -= value;
    }

    /// <summary>The peers that are connected, a snapshot.</summary>
    public IReadOnlyCollection<PeerId> ConnectedPeers => _streams.ConnectedPeers;

    private int ModelBytes => _context.Pool.WireSize;

    /// <summary>Inbound contributions go to this run actor from now on.</summary>
    public void Serve(IActorRef run) => Volatile.Write(ref _run, run);

    /// <summary>They no longer go to it, unless another has taken its place already.</summary>
    public void Unserve(IActorRef run) => Interlocked.CompareExchange(ref _run, null, run);

    /// <summary>Sends a contribution of this node, model and all.</summary>
    /// <returns>What the peer made of it.</returns>
    /// <exception cref="RpcException">The peer cannot be reached, or the call failed.</exception>
    public async Task<PushVerdict> PushAsync(PeerId peer, Contribution contribution, CancellationToken cancellationToken)
    {
        if (!_context.Models.TryTake(contribution.Round, contribution.Peer, contribution.Root, out ModelBuffer? model))
        {
            return PushVerdict.NotWanted; // its round is over at this node, and so nearly everywhere
        }

        try
        {
            await using RpcCall call = await _rpc.OpenAsync(peer, PushMethod, new RpcCallOptions(TransferLimit, 1), cancellationToken);
            await call.WriteAsync(ContributionCodec.Encode(contribution), cancellationToken);
            PushVerdict verdict = await ReadVerdictAsync(call, cancellationToken);
            if (verdict != PushVerdict.Wanted)
            {
                return verdict;
            }

            await call.WriteAsync(model.WireBytes, cancellationToken);
            _context.Traffic.AddSent(model.WireBytes.Length);
            await call.CompleteAsync(cancellationToken);
            return await ReadVerdictAsync(call, cancellationToken);
        }
        finally
        {
            model.Release();
        }
    }

    /// <summary>Gets a model from the first of some peers that has it, and checks it, into the run's store.</summary>
    /// <returns>Whether it is there; false when nobody gave it, or it is no model of this run, which the run is told.</returns>
    public async Task<bool> FetchAsync(Contribution contribution, IReadOnlyList<PeerId> sources, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (_context.FindFault(contribution) is not null || !_context.Pool.TryRent(out ModelBuffer? model))
        {
            return false;
        }

        bool handedOn = false;
        try
        {
            foreach (PeerId source in sources)
            {
                if (await TryFetchAsync(source, contribution, model, cancellationToken))
                {
                    // The bytes are what their maker signed: no other source has better ones.
                    handedOn = CheckModel(contribution, model);
                    return handedOn && Keep(contribution, model);
                }
            }

            return false;
        }
        finally
        {
            if (!handedOn)
            {
                model.Release();
            }
        }
    }

    private static async ValueTask<PushVerdict> ReadVerdictAsync(RpcCall call, CancellationToken cancellationToken)
    {
        using RpcPayload? answer = await call.ReadMessageAsync(1, cancellationToken);
        return answer is { Length: 1 } verdict && Enum.IsDefined((PushVerdict)verdict.Span[0]) ? (PushVerdict)verdict.Span[0] : PushVerdict.NotWanted;
    }

    /// <summary>Gets bytes that hash to the contribution's root.</summary>
    private async Task<bool> TryFetchAsync(PeerId source, Contribution contribution, ModelBuffer model, CancellationToken cancellationToken)
    {
        try
        {
            await using RpcCall call = await _rpc.OpenAsync(source, GetMethod, new RpcCallOptions(TransferLimit, ModelBytes), cancellationToken);
            await call.WriteAsync(contribution.Root.ToByteArray(), cancellationToken);
            await call.CompleteAsync(cancellationToken);
            if (await call.NextAsync(cancellationToken) != ModelBytes)
            {
                return false; // it has no such model
            }

            await call.ReadExactlyAsync(model.WireBytes, cancellationToken);
        }
        catch (RpcException)
        {
            return false;
        }

        _context.Traffic.AddReceived(ModelBytes);
        if (Hash256.Of(model.WireBytes.Span) != contribution.Root)
        {
            _streams.Penalize(source, EndReason.AuthenticationFailed);
            return false;
        }

        model.Decode();
        return true;
    }

    /// <summary>Serves <see cref="GetMethod"/>.</summary>
    private async Task SendAsync(RpcCall call, CancellationToken cancellationToken)
    {
        using RpcPayload? request = await call.ReadMessageAsync(Hash256.Size, cancellationToken);
        if (request is not { Length: Hash256.Size } root)
        {
            throw new RpcException(RpcStatus.InvalidArgument, "a model is asked for by its 32-byte hash");
        }

        if (!_context.Models.TryTake(Hash256.FromBytes(root.Span), out _, out ModelBuffer? model))
        {
            throw new RpcException(RpcStatus.NotFound, "no such model here");
        }

        try
        {
            await call.WriteAsync(model.WireBytes, cancellationToken);
            _context.Traffic.AddSent(model.WireBytes.Length);
        }
        finally
        {
            model.Release();
        }
    }

    /// <summary>Serves <see cref="PushMethod"/>.</summary>
    private async Task ReceiveAsync(RpcCall call, CancellationToken cancellationToken)
    {
        if (!TryEnter(call.Peer))
        {
            throw new RpcException(RpcStatus.ResourceExhausted, $"at most {MaxPushesPerPeer} contributions at once");
        }

        using var limit = new CancellationTokenSource(TransferLimit, _context.Time); // the caller's own limit is the caller's word
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            PushVerdict verdict = await ReceiveHeadAsync(call, either.Token) is { } contribution
                ? await ReceiveModelAsync(call, contribution, either.Token)
                : PushVerdict.NotWanted;
            await call.WriteAsync(new[] { (byte)verdict }, either.Token);
        }
        finally
        {
            Leave(call.Peer);
        }
    }

    /// <summary>Reads the head and asks the run; null when the model is not wanted, and the caller is told so by the verdict.</summary>
    private async Task<Contribution?> ReceiveHeadAsync(RpcCall call, CancellationToken cancellationToken)
    {
        using RpcPayload? head = await call.ReadMessageAsync(MaxHeadBytes, cancellationToken);
        if (!TryDecode(head, out Contribution? contribution) || contribution.Peer != call.Peer.ToReplica() || !contribution.IsSigned(_verifier))
        {
            _streams.Penalize(call.Peer, EndReason.MalformedMessage);
            throw new RpcException(RpcStatus.InvalidArgument, "not a contribution signed by its sender");
        }

        if (Volatile.Read(ref _run) is not { } run || contribution.Run != _context.Run)
        {
            return null;
        }

        if (_context.FindFault(contribution) is { } fault)
        {
            run.Tell(new RunProtocol.ModelFaulty(contribution, fault));
            return null;
        }

        return await AskAsync(run, contribution, cancellationToken) == RunProtocol.OfferAnswer.Wanted ? contribution : null;
    }

    private static async Task<RunProtocol.OfferAnswer> AskAsync(IActorRef run, Contribution contribution, CancellationToken cancellationToken)
    {
        try
        {
            return await run.Ask<RunProtocol.OfferAnswer>(new RunProtocol.Offer(contribution), OfferLimit, cancellationToken);
        }
        catch (AskTimeoutException)
        {
            return RunProtocol.OfferAnswer.NotWanted; // its actor system ends; what matters is fetched later
        }
    }

    private async Task<PushVerdict> ReceiveModelAsync(RpcCall call, Contribution contribution, CancellationToken cancellationToken)
    {
        if (!_context.Pool.TryRent(out ModelBuffer? model))
        {
            throw new RpcException(RpcStatus.ResourceExhausted, "no memory for another model now");
        }

        bool handedOn = false;
        try
        {
            await call.WriteAsync(new[] { (byte)PushVerdict.Wanted }, cancellationToken);
            if (!await HasModelLengthAsync(call, cancellationToken))
            {
                _streams.Penalize(call.Peer, EndReason.MalformedMessage);
                Faulty(contribution, "length");
                throw new RpcException(RpcStatus.InvalidArgument, $"the model has not the {ModelBytes} bytes that were announced");
            }

            await call.ReadExactlyAsync(model.WireBytes, cancellationToken);
            _context.Traffic.AddReceived(ModelBytes);
            if (Hash256.Of(model.WireBytes.Span) != contribution.Root)
            {
                _streams.Penalize(call.Peer, EndReason.AuthenticationFailed);
                return Faulty(contribution, "hash");
            }

            model.Decode();
            if (!CheckModel(contribution, model))
            {
                return PushVerdict.Refused;
            }

            handedOn = true;
            if (!Keep(contribution, model))
            {
                return PushVerdict.Refused;
            }

            Volatile.Read(ref _run)?.Tell(new RunProtocol.ModelReceived(contribution));
            return PushVerdict.Accepted;
        }
        finally
        {
            if (!handedOn)
            {
                model.Release();
            }
        }
    }

    private async ValueTask<bool> HasModelLengthAsync(RpcCall call, CancellationToken cancellationToken)
    {
        try
        {
            return await call.NextAsync(cancellationToken) == ModelBytes;
        }
        catch (RpcException e) when (e.Status == RpcStatus.ResourceExhausted)
        {
            return false; // longer than the method takes
        }
    }

    /// <summary>
    /// Puts a checked model into the store, which takes over its buffer: a message to an actor that is just being stopped is lost, memory is not.
    /// </summary>
    /// <returns>False when the store keeps another model of this maker for this round, or that round no longer.</returns>
    private bool Keep(Contribution contribution, ModelBuffer model) =>
        _context.Models.Add(contribution, model) || _context.Models.Contains(contribution.Round, contribution.Peer, contribution.Root);

    private static bool TryDecode(RpcPayload? head, [NotNullWhen(true)] out Contribution? contribution)
    {
        contribution = null;
        return head is { } bytes && ContributionCodec.TryDecode(bytes.Span, CrdtLimits.Default, out contribution, out _);
    }

    private bool CheckModel(Contribution contribution, ModelBuffer model)
    {
        if (ContributionChecks.FindFault(model.Values.Span) is { } fault)
        {
            Faulty(contribution, fault);
            return false;
        }

        return true;
    }

    private PushVerdict Faulty(Contribution contribution, string reason)
    {
        Volatile.Read(ref _run)?.Tell(new RunProtocol.ModelFaulty(contribution, reason));
        return PushVerdict.Refused;
    }

    private bool TryEnter(PeerId peer)
    {
        lock (_gate)
        {
            int count = _pushes.GetValueOrDefault(peer);
            if (count >= MaxPushesPerPeer)
            {
                return false;
            }

            _pushes[peer] = count + 1;
            return true;
        }
    }

    private void Leave(PeerId peer)
    {
        lock (_gate)
        {
            if (--_pushes[peer] == 0)
            {
                _pushes.Remove(peer);
            }
        }
    }
}
