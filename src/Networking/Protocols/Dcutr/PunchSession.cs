using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Tries to replace one relayed connection that a peer made to us, again from time to time, until a direct one
/// is up or it has ended.</summary>
/// <remarks>Safe for several threads.</remarks>
/// <param name="context">Shared.</param>
/// <param name="relayed">The connection.</param>
/// <param name="slots">So many tries at once in the whole node.</param>
/// <param name="report">Told what came of each try.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "Sources without timers hold nothing.")]
internal sealed class PunchSession(
    PunchContext context, SwarmConnection relayed, SemaphoreSlim slots, Action<HolePunchReport> report)
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _over = new();
    private PunchRun? _run;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The connection that is to be replaced.</summary>
    public SwarmConnection Relayed => relayed;

    /// <summary>A try is under way.</summary>
    public bool IsRunning
    {
        get
        {
            lock (_lock)
            {
                return _run is not null;
            }
        }
    }

    private PeerId Peer => relayed.RemotePeer;

    /// <summary>The peer said who it is.</summary>
    public void OnIdentified()
    {
        lock (_lock)
        {
            _run?.PostDescription(isComplete: true);
        }
    }

    /// <summary>A direct connection with the peer is up.</summary>
    public void OnDirect(ConnectionPath path)
    {
        lock (_lock)
        {
            if (_run is not null)
            {
                _run.Post(new PunchEvent.DirectUp(path));
            }
            else
            {
                _over.Cancel();
            }
        }
    }

    /// <summary>Our own addresses may have changed.</summary>
    public void OnAddressesChanged()
    {
        lock (_lock)
        {
            _changed.TrySetResult();
        }
    }

    /// <summary>The relayed connection is gone, or the peer's own try goes before ours.</summary>
    public void Stop() => _over.Cancel();

    /// <summary>Runs until there is nothing left to do.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_over.Token, cancellationToken);
        var retry = new PunchRetry(context.Options);
        bool goOn = true;
        while (goOn)
        {
            await slots.WaitAsync(either.Token).ConfigureAwait(false);
            HolePunchOutcome outcome = await RunOnceAsync(retry, either.Token).ConfigureAwait(false);
            goOn = outcome is HolePunchOutcome.Failed or HolePunchOutcome.NoAddresses or HolePunchOutcome.NoStream;
            if (goOn)
            {
                await WaitAsync(retry, either.Token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One try; gives the slot back.</summary>
    private async Task<HolePunchOutcome> RunOnceAsync(PunchRetry retry, CancellationToken cancellationToken)
    {
        long began = context.Time.GetTimestamp();
        IReadOnlyList<Multiaddr> own = context.OwnAddresses();
        retry.Began(own);
        var run = new PunchRun(context, relayed, own);
        await using (run.ConfigureAwait(false))
        {
            PunchEffect.End end;
            try
            {
                Enter(run);
                end = await run.RunAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Leave();
            }

            var ended = new HolePunchReport(
                Peer, end.Outcome, end.Attempts, context.Time.GetElapsedTime(began), end.RoundTrip, end.Message);
            PunchLog.Ended(
                context.Log, Peer.ToShortString(), ended.Outcome, ended.Attempts, ended.Elapsed.TotalMilliseconds, ended.Message);
            report(ended);
            return end.Outcome;
        }
    }

    private void Enter(PunchRun run)
    {
        lock (_lock)
        {
            _run = run;
        }

        if (context.DirectConnectionWith(Peer) is { } direct)
        {
            run.Post(new PunchEvent.DirectUp(direct.Path));
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _run = null;
        }

        slots.Release();
    }

    private async Task WaitAsync(PunchRetry retry, CancellationToken cancellationToken)
    {
        using var pause = new Deadline(retry.Failed(), context.Time, cancellationToken);
        try
        {
            await Task.Delay(context.Options.MinRetryPause, context.Time, pause.Token).ConfigureAwait(false);
            Task change = NextChange();
            while (!retry.IsWorthIt(context.OwnAddresses()))
            {
                await change.WaitAsync(pause.Token).ConfigureAwait(false);
                change = NextChange();
            }
        }
        catch (OperationCanceledException) when (pause.Passed)
        {
            // Time for another try.
        }
    }

    /// <summary>Ends with the next change from now on.</summary>
    private Task NextChange()
    {
        lock (_lock)
        {
            if (_changed.Task.IsCompleted)
            {
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return _changed.Task;
        }
    }
}
