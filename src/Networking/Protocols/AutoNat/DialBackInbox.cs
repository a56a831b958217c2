using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Takes dial-backs, and tells those that were asked for from all others.</summary>
/// <remarks>
/// Source: libp2p specs, autonat v2. Whoever knows the nonce may deliver it, once, on a connection that was dialled after
/// the nonce was given out: not on one that the server has with us anyway. Holds one entry for each request under way.
/// Safe for several threads.
/// </remarks>
/// <param name="network">Tells which connections there were before.</param>
/// <param name="limits">Deadline.</param>
/// <param name="counters">Counts what nobody asked for.</param>
internal sealed class DialBackInbox(ISwarmNetwork network, AutoNatServerLimits limits, AutoNatCounters counters)
{
    private readonly Dictionary<ulong, Expectation> _expected = [];

    /// <summary>Gives out a nonce; dispose it when the answer is in.</summary>
    public Expectation Expect()
    {
        long newest = network.Connections.Select(c => c.Id).DefaultIfEmpty(0).Max();
        lock (_expected)
        {
            ulong nonce;
            do
            {
                nonce = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
            }
            while (_expected.ContainsKey(nonce));
            var expectation = new Expectation(this, nonce, newest);
            _expected.Add(nonce, expectation);
            return expectation;
        }
    }

    /// <summary>Serves one dial-back stream.</summary>
    public async Task TakeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(limits.DialBackTimeout, network.Time, cancellationToken);
        using var reader = new FramedReader(stream, AutoNatProtocol.MaxDialBackBytes);
        DialBack? message = await AutoNatProtocol.ReadAsync(reader, DialBack.Parser, limit.Token).ConfigureAwait(false);
        if (message is null || !TryTake(message.Nonce, ((SwarmStream)stream).Connection))
        {
            counters.Add(AutoNatEvent.Unasked);
            stream.Reset(EndReason.UnexpectedMessage);
            return;
        }

        await AutoNatProtocol.WriteAsync(stream, new DialBackResponse(), limit.Token).ConfigureAwait(false);
        await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
    }

    private bool TryTake(ulong nonce, SwarmConnection connection)
    {
        if (connection.IsRelayed
            || connection.Direction != ConnectionDirection.Inbound
            || !ThinWaist.TryGet(connection.LocalAddress, out IPEndPoint? local)
            || ThinWaist.IpOf(connection.RemoteAddress) is not { } from)
        {
            return false;
        }

        lock (_expected)
        {
            if (!_expected.TryGetValue(nonce, out Expectation? expectation) || connection.Id <= expectation.NewestConnection)
            {
                return false;
            }

            _expected.Remove(nonce);
            expectation.Arrived = new DialBackArrival(local, from);
            return true;
        }
    }

    /// <summary>One nonce given out.</summary>
    internal sealed class Expectation(DialBackInbox inbox, ulong nonce, long newestConnection) : IDisposable
    {
        private DialBackArrival? _arrived;

        /// <summary>What the dial-back has to say.</summary>
        public ulong Nonce => nonce;

        /// <summary>Connections up to this number were there before.</summary>
        public long NewestConnection => newestConnection;

        /// <summary>Where it came in; null before.</summary>
        public DialBackArrival? Arrived
        {
            get => Volatile.Read(ref _arrived);
            set => Volatile.Write(ref _arrived, value);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (inbox._expected)
            {
                inbox._expected.Remove(nonce);
            }
        }
    }
}

/// <summary>Where a dial-back came in.</summary>
/// <param name="Local">The address of ours that it reached.</param>
/// <param name="From">Who dialled.</param>
internal sealed record DialBackArrival(IPEndPoint Local, IPAddress From);
