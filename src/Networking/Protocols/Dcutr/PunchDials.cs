using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>The dials of one attempt by address, so that a hole punch goes on with the socket of a dial back.</summary>
/// <remarks>
/// Closing that socket for another would tear what the peer's SYN may have begun on it at that very moment. Safe for
/// several threads; one taker an address at a time.
/// </remarks>
/// <param name="start">Begins a dial.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A source without a timer holds nothing.")]
internal sealed class PunchDials(Func<Multiaddr, DialOrigin, CancellationToken, Task<ITransportLink>> start)
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<Multiaddr, Task<ITransportLink>> _left = []; // nobody waits for these

    /// <summary>The link of the dial that somebody left, or of a new one. Whoever gets it owns it.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="origin">Of a new dial.</param>
    /// <param name="leave">Ends the wait and leaves the dial to the next.</param>
    /// <exception cref="OperationCanceledException">Left, or cancelled.</exception>
    public async Task<ITransportLink> TakeAsync(Multiaddr address, DialOrigin origin, CancellationToken leave)
    {
        Task<ITransportLink>? dial;
        lock (_lock)
        {
            if (!_left.Remove(address, out dial))
            {
                dial = start(address, origin, _stop.Token);
            }
        }

        try
        {
            return await dial.WaitAsync(leave).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (leave.IsCancellationRequested)
        {
            lock (_lock)
            {
                _left[address] = dial;
            }

            throw;
        }
    }

    /// <summary>Ends the dials; what is half made comes up all the same. Harmless when repeated.</summary>
    public void Cancel() => _stop.Cancel();

    /// <summary>Ends the dials, and breaks links that nobody has taken.</summary>
    public async Task StopAsync()
    {
        Cancel();
        Task<ITransportLink>[] left;
        lock (_lock)
        {
            left = [.. _left.Values];
            _left.Clear();
        }

        foreach (Task<ITransportLink> dial in left)
        {
            await ((Task)dial).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (dial.IsCompletedSuccessfully)
            {
                (await dial.ConfigureAwait(false)).Abort();
            }
        }
    }
}
