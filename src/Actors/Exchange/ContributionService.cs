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
    private volatile IActorRef? _run;

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
        var push = new RpcMethodOptions { MaxRequestBytes = Math.Max(ModelBytes, MaxHeadBytes), MaxStreamBytes = ModelBytes + MaxHeadBytes };
        rpc.MapStream(PushMethod, ReceiveAsync, push);
        rpc.MapStream(GetMethod, SendAsync, new RpcMethodOptions { MaxRequestBytes = Hash256.Size, MaxStreamBytes = Hash256.Size });
    }

    private int ModelBytes => _context.ParameterCount * sizeof(float);

    /// <summary>Inbound contributions go to this run actor from now on.</summary>
    public void Serve(IActorRef run) => _run = run;

    /// <summary>They no longer go to it, unless another has taken its place already.</summary>
    public void Unserve(IActorRef run)
    {
        lock (_gate)
        {
            _run = Equals(_run, run) ? null : _run;
        }
    }

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

            await call.WriteAsync(model.Bytes, cancellationToken);
            _context.Traffic.AddSent(model.Bytes.Length);
            await call.CompleteAsync(cancellationToken);
            return await ReadVerdictAsync(call, cancellationToken);
        }
        finally
        {
            model.Release();
        }
    }

    /// <summary>Gets a model from the first of some peers that has it.</summary>
    /// <returns>The checked model, owned by the caller; null when none of them gave it.</returns>
    public async Task<ModelBuffer?> FetchAsync(Contribution contribution, IReadOnlyList<PeerId> sources, CancellationToken cancellationToken)
    {
        if (FindFault(contribution) is not null || !_context.Pool.TryRent(out ModelBuffer? model))
        {
            return null;
        }

        foreach (PeerId source in sources)
        {
            if (await TryFetchAsync(source, contribution, model, cancellationToken))
            {
                return model;
            }
        }

        model.Release();
        return null;
    }

    private static async ValueTask<PushVerdict> ReadVerdictAsync(RpcCall call, CancellationToken cancellationToken)
    {
        using RpcPayload? answer = await call.ReadMessageAsync(1, cancellationToken);
        return answer is { Length: 1 } verdict && Enum.IsDefined((PushVerdict)verdict.Span[0]) ? (PushVerdict)verdict.Span[0] : PushVerdict.NotWanted;
    }

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

            await call.ReadExactlyAsync(model.Bytes, cancellationToken);
        }
        catch (RpcException)
        {
            return false;
        }

        _context.Traffic.AddReceived(ModelBytes);
        if (Hash256.Of(model.Bytes.Span) != contribution.Root)
        {
            _streams.Penalize(source, EndReason.AuthenticationFailed);
            return false;
        }

        return CheckModel(contribution, model);
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
            await call.WriteAsync(model.Bytes, cancellationToken);
            _context.Traffic.AddSent(model.Bytes.Length);
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

        try
        {
            PushVerdict verdict = await ReceiveHeadAsync(call, cancellationToken) is { } contribution
                ? await ReceiveModelAsync(call, contribution, cancellationToken)
                : PushVerdict.NotWanted;
            await call.WriteAsync(new[] { (byte)verdict }, cancellationToken);
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

        if (_run is not { } run || contribution.Run != _context.Run)
        {
            return null;
        }

        if (FindFault(contribution) is { } fault)
        {
            run.Tell(new RunProtocol.ModelFaulty(contribution, fault));
            return null;
        }

        RunProtocol.OfferAnswer answer = await run.Ask<RunProtocol.OfferAnswer>(new RunProtocol.Offer(contribution), OfferLimit, cancellationToken);
        return answer == RunProtocol.OfferAnswer.Wanted ? contribution : null;
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
            int length = await call.NextAsync(cancellationToken);
            if (length != ModelBytes)
            {
                throw new RpcException(RpcStatus.InvalidArgument, $"the model has {length} bytes, announced were {ModelBytes}");
            }

            await call.ReadExactlyAsync(model.Bytes, cancellationToken);
            _context.Traffic.AddReceived(ModelBytes);
            if (Hash256.Of(model.Bytes.Span) != contribution.Root)
            {
                _streams.Penalize(call.Peer, EndReason.AuthenticationFailed);
                return Faulty(contribution, "hash");
            }

            if (!CheckModel(contribution, model))
            {
                return PushVerdict.Refused;
            }

            handedOn = true;
            _run?.Tell(new RunProtocol.ModelReceived(contribution, model));
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

    private static bool TryDecode(RpcPayload? head, [NotNullWhen(true)] out Contribution? contribution)
    {
        contribution = null;
        return head is { } bytes && ContributionCodec.TryDecode(bytes.Span, CrdtLimits.Default, out contribution, out _);
    }

    private string? FindFault(Contribution contribution) =>
        ContributionChecks.FindFault(contribution, _context.Run, _context.Layout, _context.ParameterCount);

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
        _run?.Tell(new RunProtocol.ModelFaulty(contribution, reason));
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
