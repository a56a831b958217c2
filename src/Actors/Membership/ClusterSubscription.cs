using System.Threading.Channels;

namespace P2PLearn.Actors.Membership;

/// <summary>A bounded stream of changes for one listener, who disposes it.</summary>
/// <remarks>A listener that falls more than <see cref="Capacity"/> changes behind is cut off with an <see cref="InvalidOperationException"/>.</remarks>
public sealed class ClusterSubscription : IDisposable
{
    /// <summary>Changes that may wait: a few seconds of a cluster of 50 in turmoil.</summary>
    public const int Capacity = 256;

    private readonly Channel<ClusterChange> _changes = Channel.CreateBounded<ClusterChange>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });

    private readonly Action<ClusterSubscription> _forget;

    internal ClusterSubscription(ClusterSnapshot current, Action<ClusterSubscription> forget)
    {
        Current = current;
        _forget = forget;
    }

    /// <summary>The cluster when the subscription began; the changes go on from there.</summary>
    public ClusterSnapshot Current { get; }

    /// <summary>The changes, in order; ends when the host stops.</summary>
    public ChannelReader<ClusterChange> Changes => _changes.Reader;

    /// <inheritdoc/>
    public void Dispose()
    {
        _forget(this);
        _changes.Writer.TryComplete();
    }

    internal void Tell(ClusterChange change)
    {
        if (!_changes.Writer.TryWrite(change))
        {
            _forget(this);
            _changes.Writer.TryComplete(new InvalidOperationException($"the listener is more than {Capacity} changes behind"));
        }
    }

    internal void Complete() => _changes.Writer.TryComplete();
}
