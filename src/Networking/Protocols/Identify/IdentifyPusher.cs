using System.Threading.Channels;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Swarm.Peers;

namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>Tells all connected peers when our protocols or addresses have changed; changes close together go out as
/// one.</summary>
/// <param name="identify">Pushes to one.</param>
/// <param name="connections">Who is connected.</param>
/// <param name="peers">Who speaks push.</param>
/// <param name="delay">How long changes gather.</param>
/// <param name="time">The clock.</param>
internal sealed class IdentifyPusher(
    IdentifyService identify, ConnectionTable connections, PeerStore peers, TimeSpan delay, TimeProvider time)
{
    /// <summary>Peers told at the same time.</summary>
    public const int MaxAtOnce = 16;

    // At most one signal: the push tells the present state, however many changes led to it.
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Something changed.</summary>
    public void Changed() => _changed.Writer.TryWrite(true);

    /// <summary>Pushes after each change until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _changed.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            IEnumerable<SwarmConnection> listeners = connections.Peers
                .Where(p => peers.Speaks(p, IdentifyService.PushId.Value) != false)
                .Select(connections.Best)
                .OfType<SwarmConnection>();
            var options = new ParallelOptions
            {
                MaxDegreeOfParallelism = MaxAtOnce,
                CancellationToken = cancellationToken,
            };
            await Parallel.ForEachAsync(
                listeners, options, async (c, token) => await identify.PushAsync(c, token).ConfigureAwait(false))
                .ConfigureAwait(false);
        }
    }
}
