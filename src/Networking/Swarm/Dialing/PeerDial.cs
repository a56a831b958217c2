using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>One dial over several addresses: the next starts when one fails or has kept us waiting, the first that is
/// up wins.</summary>
/// <remarks>Source: RFC 8305's staggered attempts. Not safe for several threads; made for one dial.</remarks>
/// <param name="addresses">In the order to try.</param>
/// <param name="dialOne">Dials one address; never throws but for a bug.</param>
/// <param name="maxAtOnce">Addresses being dialled at once.</param>
/// <param name="stagger">Pause before the next starts.</param>
/// <param name="time">The clock.</param>
internal sealed class PeerDial(
    IReadOnlyList<Multiaddr> addresses,
    Func<Multiaddr, CancellationToken, Task<DialOutcome>> dialOne,
    int maxAtOnce,
    TimeSpan stagger,
    TimeProvider time)
{
    private readonly List<Task<DialOutcome>> _running = [];
    private readonly List<DialOutcome> _failures = [];
    private int _next;

    /// <summary>There is nothing to dial.</summary>
    public bool IsEmpty => addresses.Count == 0;

    /// <summary>What became of the addresses that failed so far.</summary>
    public IReadOnlyList<DialOutcome> Failures => _failures;

    /// <summary>Runs the dial.</summary>
    /// <returns>The connection; null when no address came up: see <see cref="Failures"/>.</returns>
    public async Task<SwarmConnection?> RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (_next < addresses.Count || _running.Count > 0)
            {
                StartNext(stop.Token);
                await WaitAsync(stop.Token).ConfigureAwait(false);
                if (await TakeFinishedAsync().ConfigureAwait(false) is { } connection)
                {
                    return connection;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await CloseLatecomersAsync().ConfigureAwait(false);
        }
    }

    private void StartNext(CancellationToken cancellationToken)
    {
        if (_next < addresses.Count && _running.Count < maxAtOnce)
        {
            _running.Add(dialOne(addresses[_next++], cancellationToken));
        }
    }

    /// <summary>Until one is done, or until it is time for the next.</summary>
    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        if (_next == addresses.Count || _running.Count == maxAtOnce)
        {
            await Task.WhenAny(_running).ConfigureAwait(false);
            return;
        }

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task pause = Task.Delay(stagger, time, enough.Token);
        await Task.WhenAny([.. _running, pause]).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
    }

    private async Task<SwarmConnection?> TakeFinishedAsync()
    {
        foreach (Task<DialOutcome> finished in _running.FindAll(r => r.IsCompleted))
        {
            _running.Remove(finished);
            DialOutcome outcome = await finished.ConfigureAwait(false);
            if (outcome.Connection is not null)
            {
                return outcome.Connection;
            }

            _failures.Add(outcome);
        }

        return null;
    }

    private async Task CloseLatecomersAsync()
    {
        foreach (DialOutcome outcome in await Task.WhenAll(_running).ConfigureAwait(false))
        {
            outcome.Connection?.Close(EndReason.ClosedLocally);
        }
    }
}
