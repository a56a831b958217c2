using System.Net;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Gets and keeps a mapping at one gateway: carries out what its <see cref="MappingPlan"/> says.</summary>
/// <remarks>Owns its task and its clients. <see cref="Mapping"/>, <see cref="Problem"/> and <see cref="Announced"/> are safe for
/// several threads.</remarks>
internal sealed class GatewayMapper : IAsyncDisposable
{
    private readonly GatewayContext _context;
    private readonly Func<GatewayContext, IReadOnlyList<IGatewayClient>> _clients;
    private readonly int _internalPort;
    private readonly Action _changed;
    private readonly MappingPlan _plan;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _announced = new(0, 1);
    private readonly Task _running;
    private IReadOnlyList<IGatewayClient> _tried = [];
    private IGatewayClient? _client; // of the mapping held, or of one that was asked for when the search was broken off
    private volatile PortMapping? _mapping;
    private volatile string? _problem;
    private string? _toldProblem;

    /// <param name="context">The gateway.</param>
    /// <param name="clients">Makes a client for each protocol, in the order of preference.</param>
    /// <param name="internalPort">The port to map.</param>
    /// <param name="changed">Told after a change of <see cref="Mapping"/> or <see cref="Problem"/>.</param>
    public GatewayMapper(
        GatewayContext context,
        Func<GatewayContext, IReadOnlyList<IGatewayClient>> clients,
        int internalPort,
        Action changed)
    {
        _context = context;
        _clients = clients;
        _internalPort = internalPort;
        _changed = changed;
        _plan = new MappingPlan(context.Options, Now);
        _problem = MappingProblem.Searching(context.Gateway);
        _running = Task.Run(RunAsync);
    }

    /// <summary>The mapping held, if it is of use.</summary>
    public PortMapping? Mapping => _mapping;

    /// <summary>Why there is none.</summary>
    public string? Problem => _problem;

    private DateTimeOffset Now => _context.Time.GetUtcNow();

    /// <summary>The gateway announced that it has restarted.</summary>
    public void Announced()
    {
        try
        {
            _announced.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // One is waiting to be looked at already, or none is wanted any more.
        }
    }

    /// <summary>Ends and removes the mapping, within <see cref="PortMapperOptions.ReleaseTimeout"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        if (_client is not null)
        {
            await ReleaseAsync(_client).ConfigureAwait(false);
        }

        DisposeClients();
        _stop.Dispose();
        _announced.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                (MappingTask task, DateTimeOffset at) = _plan.Next;
                if (await IsAnnouncedBeforeAsync(at).ConfigureAwait(false))
                {
                    _plan.Announced(Now);
                    continue;
                }

                await CarryOutAsync(task).ConfigureAwait(false);
                Publish();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The way it is told to end.
        }
#pragma warning disable CA1031 // the last owner of this task: nobody above could catch it
        catch (Exception e)
#pragma warning restore CA1031
        {
            PortMappingLog.Unexpected(_context.Log, e);
        }
    }

    private async Task<bool> IsAnnouncedBeforeAsync(DateTimeOffset at)
    {
        _stop.Token.ThrowIfCancellationRequested();
        TimeSpan pause = at - Now;
        if (pause <= TimeSpan.Zero)
        {
            return false;
        }

        using var due = new Deadline(pause, _context.Time, _stop.Token);
        try
        {
            await _announced.WaitAsync(due.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private Task CarryOutAsync(MappingTask task) => task switch
    {
        MappingTask.Search => SearchAsync(),
        MappingTask.Renew => RenewAsync(),
        _ => CheckAsync(),
    };

    private async Task SearchAsync()
    {
        if (_context.LocalAddress() is { } own && _context.Options.PublicAddresses.Allows(own))
        {
            _problem = MappingProblem.OwnAddressIsPublic(own);
            _plan.NothingFound(Now);
            return;
        }

        DisposeClients();
        _tried = _clients(_context);
        var search = new ProtocolSearch(_tried, new MapAsk(_internalPort, _internalPort));
        SearchResult result;
        try
        {
            result = await search.RunAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _client = search.Asked;
            throw;
        }

        if (result.Grant is null)
        {
            _problem = MappingProblem.Of(_context.Gateway, result, _context.Options);
            _plan.NothingFound(Now);
            return;
        }

        _client = result.Winner;
        _plan.Granted(result.Grant, Now);
    }

    private async Task RenewAsync()
    {
        MapAnswer answer = await _client!
            .MapAsync(new MapAsk(_internalPort, _plan.Held!.ExternalPort), _stop.Token).ConfigureAwait(false);
        switch (answer)
        {
            case MapAnswer.Granted grant:
                _plan.Granted(grant, Now);
                PortMappingLog.Renewed(_context.Log, _context.Gateway, _plan.HeldUntil);
                break;
            case MapAnswer.Refused:
                _plan.RenewalRefused(Now);
                break;
            default:
                _plan.RenewalUnanswered(Now);
                break;
        }

        if (_plan.Held is null)
        {
            _client = null;
            _problem = MappingProblem.Lost(_context.Gateway);
        }
    }

    private async Task CheckAsync()
    {
        CheckAnswer answer = await _client!.CheckAsync(_stop.Token).ConfigureAwait(false);
        if (answer.Verdict == CheckVerdict.Lost)
        {
            PortMappingLog.Lost(_context.Log, _context.Gateway);
        }

        _plan.Checked(answer, Now);
    }

    /// <summary>The gateway granted a port of an address that is not public itself.</summary>
    public bool IsBehindAnotherNat { get; private set; }

    private void Publish()
    {
        MapAnswer.Granted? held = _plan.Held;
        bool isUseful = held is not null && _context.Options.PublicAddresses.Allows(held.ExternalAddress);
        PortMapping? mapping = isUseful
            ? new PortMapping(
                _client!.Protocol,
                _context.Gateway,
                held!.ExternalAddress,
                held.ExternalPort,
                _internalPort,
                held.IsPermanent ? DateTimeOffset.MaxValue : _plan.HeldUntil)
            : null;
        IsBehindAnotherNat = held is not null && !isUseful;
        if (held is not null)
        {
            _problem = isUseful ? null : MappingProblem.CarrierGradeNat(_context.Gateway, held.ExternalAddress);
        }

        LogChange(_mapping, mapping);
        _mapping = mapping;
        _changed();
    }

    private void LogChange(PortMapping? before, PortMapping? now)
    {
        if (now is not null && (before is null || now with { Expires = before.Expires } != before))
        {
            var external = new IPEndPoint(now.ExternalAddress, now.ExternalPort);
            PortMappingLog.Mapped(_context.Log, now.Gateway, external, now.InternalPort, now.Protocol);
        }

        if (_problem is { } problem && problem != _toldProblem)
        {
            PortMappingLog.NoMapping(_context.Log, problem);
        }

        _toldProblem = _problem;
    }

    private async Task ReleaseAsync(IGatewayClient client)
    {
        using var deadline = new Deadline(_context.Options.ReleaseTimeout, _context.Time, CancellationToken.None);
        bool removed;
        try
        {
            removed = await client.UnmapAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            removed = false;
        }

        if (removed)
        {
            PortMappingLog.Removed(_context.Log, _context.Gateway);
        }
        else
        {
            PortMappingLog.NotRemoved(_context.Log, _context.Gateway, _plan.HeldUntil);
        }
    }

    private void DisposeClients()
    {
        foreach (IGatewayClient client in _tried)
        {
            client.Dispose();
        }

        _tried = [];
    }
}
