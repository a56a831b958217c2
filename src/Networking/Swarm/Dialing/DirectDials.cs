using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>The dials of direct addresses that are under way, so that a hole punch can call them off.</summary>
/// <remarks>
/// A pending dial from the listen port holds the very pair of addresses that the punch needs, and would be upgraded with
/// the wrong role. Safe for several threads; as many entries as dials under way.
/// </remarks>
internal sealed class DirectDials
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, List<Dial>> _dials = [];

    /// <summary>Notes a dial until it is disposed.</summary>
    public Dial Begin(PeerId? peer, CancellationToken cancellationToken)
    {
        var dial = new Dial(this, peer, cancellationToken);
        if (peer is not null)
        {
            lock (_lock)
            {
                if (!_dials.TryGetValue(peer, out List<Dial>? dials))
                {
                    _dials.Add(peer, dials = []);
                }

                dials.Add(dial);
            }
        }

        return dial;
    }

    /// <summary>Calls off the dials to a peer and waits until they are gone.</summary>
    public Task CallOffAsync(PeerId peer)
    {
        Dial[] dials;
        lock (_lock)
        {
            dials = [.. _dials.GetValueOrDefault(peer, [])];
        }

        return Task.WhenAll(dials.Select(d => d.CallOffAsync()));
    }

    private void Forget(PeerId peer, Dial dial)
    {
        lock (_lock)
        {
            List<Dial> dials = _dials[peer];
            dials.Remove(dial);
            if (dials.Count == 0)
            {
                _dials.Remove(peer);
            }
        }
    }

    /// <summary>One dial under way.</summary>
    internal sealed class Dial : IDisposable
    {
        private readonly DirectDials _owner;
        private readonly PeerId? _peer;
        private readonly CancellationTokenSource _stop;
        private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Dial(DirectDials owner, PeerId? peer, CancellationToken cancellationToken)
        {
            _owner = owner;
            _peer = peer;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Token = _stop.Token;
        }

        /// <summary>Fires when the dial is called off, or with the caller's token.</summary>
        public CancellationToken Token { get; }

        /// <summary>A hole punch asked for it, not the caller.</summary>
        public bool IsCalledOff { get; private set; }

        public async Task CallOffAsync()
        {
            IsCalledOff = true;
            try
            {
                await _stop.CancelAsync().ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                // It has just ended by itself.
            }

            await _gone.Task.ConfigureAwait(false);
        }

        public void Dispose()
        {
            if (_peer is not null)
            {
                _owner.Forget(_peer, this);
            }

            _gone.TrySetResult();
            _stop.Dispose();
        }
    }
}
