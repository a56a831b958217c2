using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>The circuits that are open.</summary>
/// <remarks>Safe for several threads. Each is run by the handler of its hop stream.</remarks>
/// <param name="options">The limits.</param>
/// <param name="books">Where their ends are noted.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class RelayCircuits(RelayServerOptions options, RelayBooks books, TimeProvider time, ILogger log)
    : IDisposable
{
    private readonly HashSet<RelayCircuit> _open = [];
    private readonly RelayBudget _budget = new(options.MaxBytesPerSecond, RelayCircuit.ChunkBytes, time);
    private bool _closed;

    /// <summary>Runs a circuit to its end, and gives its count back.</summary>
    /// <param name="source">Who asked; not owned.</param>
    /// <param name="accepted">The rest of it; its stream is disposed.</param>
    /// <param name="cancellationToken">Ends the circuit.</param>
    public async Task RunAsync(SwarmStream source, AcceptedCircuit accepted, CancellationToken cancellationToken)
    {
        (CircuitGrant grant, SwarmStream target) = (accepted.Grant, accepted.Stop.Stream);
        var meter = new CircuitMeter(grant.Limit, options.CircuitIdleTimeout);
        var circuit = new RelayCircuit(source, target, meter, _budget, time, books.Counters.AddBytes);
        EndReason reason;
        await using (target.ConfigureAwait(false))
        {
            try
            {
                Add(circuit);
                RelayServerLog.CircuitUp(log, grant.Source.ToShortString(), grant.Target.ToShortString());
                using (cancellationToken.UnsafeRegister(static c => ((RelayCircuit)c!).End(EndReason.ClosedLocally), circuit))
                {
                    reason = await circuit.RunAsync(accepted.Early, accepted.Stop.Early).ConfigureAwait(false);
                }
            }
            finally
            {
                Remove(circuit);
                books.End(grant);
            }
        }

        books.Counters.CountEnd(reason);
        RelayServerLog.CircuitEnded(
            log, grant.Source.ToShortString(), grant.Target.ToShortString(), meter.TotalBytes, reason);
    }

    /// <summary>Ends all circuits, and each that comes later at once.</summary>
    public void EndAll()
    {
        RelayCircuit[] open;
        lock (_open)
        {
            _closed = true;
            open = [.. _open];
        }

        foreach (RelayCircuit circuit in open)
        {
            circuit.End(EndReason.ClosedLocally);
        }
    }

    /// <summary>Call it when no circuit runs any more.</summary>
    public void Dispose() => _budget.Dispose();

    private void Add(RelayCircuit circuit)
    {
        lock (_open)
        {
            _open.Add(circuit);
            if (!_closed)
            {
                return;
            }
        }

        circuit.End(EndReason.ClosedLocally);
    }

    private void Remove(RelayCircuit circuit)
    {
        lock (_open)
        {
            _open.Remove(circuit);
        }
    }
}
