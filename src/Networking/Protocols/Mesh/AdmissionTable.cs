using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Who is admitted, and who is waited for.</summary>
/// <remarks>
/// An admission lasts as long as the peer is connected. An <see cref="Epoch"/> stands for that time: whoever proves holds the one that was
/// current before its nonce was sent, so a proof over a connection that has ended since admits nobody. An epoch is kept while the peer is
/// admitted or somebody holds it. Safe for several threads; events are posted under the lock and delivered outside of it.
/// </remarks>
/// <param name="events">Delivers, in order.</param>
/// <param name="connected">A peer is admitted.</param>
/// <param name="disconnected">An admitted peer is gone or refused.</param>
internal sealed class AdmissionTable(OrderedEvents events, Action<PeerId> connected, Action<PeerId> disconnected)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Epoch> _epochs = [];

    /// <summary>The admitted peers, a snapshot.</summary>
    public IReadOnlyCollection<PeerId> Admitted
    {
        get
        {
            lock (_lock)
            {
                return [.. _epochs.Values.Where(e => e.IsAdmitted).Select(e => e.Peer)];
            }
        }
    }

    /// <summary>Epochs kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _epochs.Count;
            }
        }
    }

    /// <summary>Streams that wait for the end of a proof.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_lock)
            {
                return _epochs.Values.Sum(e => e.Waiting);
            }
        }
    }

    /// <summary>Whether a peer is admitted now.</summary>
    public bool IsAdmitted(PeerId peer)
    {
        lock (_lock)
        {
            return _epochs.TryGetValue(peer, out Epoch? epoch) && epoch.IsAdmitted;
        }
    }

    /// <summary>The current epoch of a peer, to be disposed by the caller's end.</summary>
    public Holder Enter(PeerId peer)
    {
        lock (_lock)
        {
            if (!_epochs.TryGetValue(peer, out Epoch? epoch))
            {
                _epochs.Add(peer, epoch = new Epoch(peer));
            }

            epoch.Holders++;
            return new Holder(this, epoch);
        }
    }

    /// <summary>Counts a stream that waits for the end of the proof; <see cref="EndWait"/> takes it back.</summary>
    /// <returns>False when as many as allowed wait.</returns>
    public bool TryBeginWait(Epoch epoch, int max)
    {
        lock (_lock)
        {
            if (epoch.Waiting >= max)
            {
                return false;
            }

            epoch.Waiting++;
            return true;
        }
    }

    /// <summary>A waiting stream goes on.</summary>
    public void EndWait(Epoch epoch)
    {
        lock (_lock)
        {
            epoch.Waiting--;
        }
    }

    /// <summary>Admits the peer.</summary>
    /// <returns>False when the epoch is over: the peer has disconnected since it began.</returns>
    public bool TryAdmit(Epoch epoch)
    {
        lock (_lock)
        {
            if (_epochs.GetValueOrDefault(epoch.Peer) != epoch)
            {
                return false;
            }

            if (!epoch.IsAdmitted)
            {
                epoch.IsAdmitted = true;
                epoch.Settle();
                events.Post(() => connected(epoch.Peer));
            }
        }

        events.Deliver();
        return true;
    }

    /// <summary>Ends the current epoch of a peer: it has disconnected, or proved another key since.</summary>
    public void End(PeerId peer)
    {
        lock (_lock)
        {
            if (!_epochs.Remove(peer, out Epoch? epoch))
            {
                return;
            }

            epoch.Settle();
            if (epoch.IsAdmitted)
            {
                epoch.IsAdmitted = false;
                events.Post(() => disconnected(peer));
            }
        }

        events.Deliver();
    }

    private void Leave(Epoch epoch)
    {
        lock (_lock)
        {
            if (--epoch.Holders == 0 && !epoch.IsAdmitted && _epochs.GetValueOrDefault(epoch.Peer) == epoch)
            {
                _epochs.Remove(epoch.Peer);
            }
        }
    }

    /// <summary>Keeps an epoch until it is disposed.</summary>
    internal readonly struct Holder(AdmissionTable table, Epoch epoch) : IDisposable
    {
        public Epoch Epoch => epoch;

        public void Dispose() => table.Leave(epoch);
    }

    /// <summary>The time that a peer is connected. Its state is guarded by the table's lock.</summary>
    internal sealed class Epoch(PeerId peer)
    {
        private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public PeerId Peer => peer;

        /// <summary>Ends when the peer is admitted, or the epoch is over.</summary>
        public Task Settled => _settled.Task;

        public bool IsAdmitted { get; set; }

        public int Holders { get; set; }

        public int Waiting { get; set; }

        public void Settle() => _settled.TrySetResult();
    }
}
