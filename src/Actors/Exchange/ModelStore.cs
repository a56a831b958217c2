using System.Diagnostics.CodeAnalysis;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Exchange;

/// <summary>The models of the rounds that matter now, by contributor and by hash; what the round mixes and what peers may fetch.</summary>
/// <remarks>In memory and safe for several threads. Whoever takes a model out owns one count of its buffer.</remarks>
public sealed class ModelStore : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(uint Round, ReplicaId Peer), (Contribution Contribution, ModelBuffer Model)> _models = [];
    private uint _oldest;
    private bool _disposed;

    /// <summary>Models held.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _models.Count;
            }
        }
    }

    /// <summary>Keeps a checked model; takes over the caller's count of the buffer in any case.</summary>
    /// <returns>False when a model of this peer for this round is there already (the first one counts), or the round was dropped.</returns>
    public bool Add(Contribution contribution, ModelBuffer model)
    {
        ArgumentNullException.ThrowIfNull(contribution);
        ArgumentNullException.ThrowIfNull(model);
        lock (_gate)
        {
            if (!_disposed && contribution.Round >= _oldest && _models.TryAdd((contribution.Round, contribution.Peer), (contribution, model)))
            {
                return true;
            }
        }

        model.Release();
        return false;
    }

    /// <summary>Models held of one peer.</summary>
    public int CountOf(ReplicaId peer)
    {
        lock (_gate)
        {
            return _models.Keys.Count(key => key.Peer == peer);
        }
    }

    /// <summary>Whether a peer's model of a round is there, with the given hash.</summary>
    public bool Contains(uint round, ReplicaId peer, Hash256 root)
    {
        lock (_gate)
        {
            return _models.TryGetValue((round, peer), out var held) && held.Contribution.Root == root;
        }
    }

    /// <summary>Takes a peer's model of a round.</summary>
    public bool TryTake(uint round, ReplicaId peer, Hash256 root, [NotNullWhen(true)] out ModelBuffer? model)
    {
        lock (_gate)
        {
            bool found = _models.TryGetValue((round, peer), out var held) && held.Contribution.Root == root;
            model = found ? held.Model.Retain() : null;
            return found;
        }
    }

    /// <summary>What a peer's contribution of a round says it was trained on; 0 when its model is not here.</summary>
    public uint SampleCountOf(uint round, ReplicaId peer)
    {
        lock (_gate)
        {
            return _models.TryGetValue((round, peer), out var held) ? held.Contribution.SampleCount : 0;
        }
    }

    /// <summary>Takes any model with this hash, whoever made it.</summary>
    public bool TryTake(Hash256 root, [NotNullWhen(true)] out Contribution? contribution, [NotNullWhen(true)] out ModelBuffer? model)
    {
        lock (_gate)
        {
            foreach ((Contribution held, ModelBuffer buffer) in _models.Values) // a few dozen at most
            {
                if (held.Root == root)
                {
                    (contribution, model) = (held, buffer.Retain());
                    return true;
                }
            }
        }

        (contribution, model) = (null, null);
        return false;
    }

    /// <summary>Drops the models of earlier rounds, and keeps none of them from now on.</summary>
    public void DropBelow(uint round)
    {
        lock (_gate)
        {
            _oldest = Math.Max(_oldest, round);
            foreach ((uint Round, ReplicaId Peer) key in _models.Keys.Where(k => k.Round < round).ToArray())
            {
                _models.Remove(key, out var held);
                held.Model.Release();
            }
        }
    }

    /// <summary>Drops all models and keeps none from now on.</summary>
    public void Dispose()
    {
        DropBelow(uint.MaxValue);
        lock (_gate)
        {
            _disposed = true;
        }
    }
}
