using System.Collections.Immutable;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Swarm;

/// <summary>Which protocols this node serves.</summary>
/// <remarks>Safe for several threads; readers take no lock.</remarks>
/// <param name="changed">Told after each change, outside of the lock.</param>
internal sealed class ProtocolTable(Action changed)
{
    private ImmutableDictionary<string, Registration> _protocols = ImmutableDictionary<string, Registration>.Empty;

    /// <summary>The names, sorted.</summary>
    public IReadOnlyList<string> Names => [.. _protocols.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Serves a protocol until the registration is disposed.</summary>
    /// <exception cref="InvalidOperationException">It is served already.</exception>
    public IDisposable Add(ProtocolId protocol, StreamHandler handler, int maxStreamsPerPeer)
    {
        var registration = new Registration(this, protocol, handler, maxStreamsPerPeer);
        if (!ImmutableInterlocked.TryAdd(ref _protocols, protocol.Value, registration))
        {
            throw new InvalidOperationException($"{protocol} has a handler already");
        }

        changed();
        return registration;
    }

    /// <summary>Looks a protocol up.</summary>
    public Registration? Find(string protocol) => _protocols.GetValueOrDefault(protocol);

    /// <summary>A protocol and who serves it.</summary>
    internal sealed class Registration(
        ProtocolTable table, ProtocolId protocol, StreamHandler handler, int maxStreamsPerPeer)
        : IDisposable
    {
        public ProtocolId Protocol => protocol;

        public StreamHandler Handler => handler;

        public int MaxStreamsPerPeer => maxStreamsPerPeer;

        public void Dispose()
        {
            if (ImmutableInterlocked.Update(ref table._protocols, Without, this))
            {
                table.Changed();
            }
        }
    }

    private static ImmutableDictionary<string, Registration> Without(
        ImmutableDictionary<string, Registration> protocols, Registration gone) =>
        protocols.GetValueOrDefault(gone.Protocol.Value) == gone ? protocols.Remove(gone.Protocol.Value) : protocols;

    private void Changed() => changed();
}
