using System.Text.Json.Nodes;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.NatPeer;

/// <summary>Says of each connection when it came and when it went, by looking again every few milliseconds.</summary>
internal sealed class ConnectionWatch(Swarm swarm, EventWriter events)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly Dictionary<long, ConnectionInfo> _seen = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Pace);
        try
        {
            do
            {
                Compare(swarm.Connections);
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }

    public static JsonObject Describe(ConnectionInfo connection) => new()
    {
        ["connection"] = connection.Id,
        ["peer"] = connection.Peer.ToString(),
        ["path"] = connection.Path.ToString(),
        ["direction"] = connection.Direction.ToString(),
        ["role"] = connection.Role.ToString(),
        ["local"] = connection.LocalAddress.ToString(),
        ["remote"] = connection.RemoteAddress.ToString(),
        ["limitBytes"] = connection.Limit?.Bytes,
        ["bytesIn"] = connection.BytesIn,
        ["bytesOut"] = connection.BytesOut,
    };

    private void Compare(IReadOnlyList<ConnectionInfo> now)
    {
        foreach (ConnectionInfo connection in now)
        {
            if (_seen.TryAdd(connection.Id, connection))
            {
                Write("opened", connection);
            }
        }

        if (_seen.Count == now.Count)
        {
            return;
        }

        foreach (ConnectionInfo gone in _seen.Values.ExceptBy(now.Select(c => c.Id), c => c.Id).ToList())
        {
            _seen.Remove(gone.Id);
            Write("closed", gone);
        }
    }

    private void Write(string name, ConnectionInfo connection) =>
        events.Write(name, [.. Describe(connection).Select(field => (field.Key, field.Value?.DeepClone()))]);
}
