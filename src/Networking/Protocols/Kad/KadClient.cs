using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>The operations of the DHT, each a lookup and what follows from it.</summary>
/// <remarks>Source: libp2p specs, kad-dht, "DHT operations". Safe for several threads.</remarks>
internal sealed class KadClient(
    Swarm.Swarm swarm, KadOptions options, KadState state, KadRequester requester, ILogger log)
{
    /// <summary>Answers that name a peer before a search for it ends: the first could lie.</summary>
    private const int NamesWanted = 3;

    private readonly TimeProvider _time = swarm.Network.Time;

    private PeerId Self => swarm.LocalPeer;

    /// <summary>The k closest peers to a key that answer.</summary>
    public async Task<IReadOnlyList<KadPeer>> ClosestAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        Lookup lookup = NewLookup(key);
        await RunAsync(lookup, KadMessageType.FindNode, key, static (_, _) => { }, cancellationToken).ConfigureAwait(false);
        return lookup.Closest;
    }

    /// <summary>Where a peer may be dialled.</summary>
    public async Task<IReadOnlyList<Multiaddr>> FindPeerAsync(PeerId peer, CancellationToken cancellationToken)
    {
        IReadOnlyList<Multiaddr> known = swarm.Network.ConnectionsOf(peer).Count > 0
            ? swarm.Network.AddressesOf(peer)
            : state.Find(peer)?.Addresses ?? [];
        if (known.Count > 0)
        {
            return known;
        }

        ReadOnlyMemory<byte> key = peer.Bytes.ToArray();
        Lookup lookup = NewLookup(key);
        List<Multiaddr> found = [];
        int names = 0;
        await RunAsync(lookup, KadMessageType.FindNode, key, Named, cancellationToken).ConfigureAwait(false);
        return found;

        void Named(PeerId from, KadMessage answer)
        {
            if (answer.CloserPeers.FirstOrDefault(p => p.Peer == peer) is { Addresses.Count: > 0 } named)
            {
                found.AddRange(named.Addresses.Except(found).ToList());
                names++;
            }

            if (names >= NamesWanted || from == peer)
            {
                lookup.Stop();
            }
        }
    }

    /// <summary>Keeps a value of this node's own here, if there is room.</summary>
    /// <returns>Null when the network may be told of it: it holds, and nothing better is known here.</returns>
    public KadPutResult? Keep(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        PutOutcome outcome = state.PutValue(key.Span, value.Span, Self, out RecordCheck check);
        return outcome is PutOutcome.Invalid or PutOutcome.Older ? new KadPutResult(check, 0, 0) : null;
    }

    /// <summary>Has the closest peers keep a value that <see cref="Keep"/> took.</summary>
    public async Task<KadPutResult> PutValueAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        IReadOnlyList<KadPeer> closest = await ClosestAsync(key, cancellationToken).ConfigureAwait(false);
        var request = new KadMessage
        {
            Type = KadMessageType.PutValue,
            Key = key,
            Record = new ValueRecord(key, value, _time.GetUtcNow()),
        };
        int stored = await TellAsync(closest, request, Echoes, cancellationToken).ConfigureAwait(false);
        return new KadPutResult(RecordCheck.Valid, closest.Count, stored);

        bool Echoes(KadMessage answer) => answer.Record is not { } echo || echo.Value.Span.SequenceEqual(value.Span);
    }

    /// <summary>Searches the best value of a key.</summary>
    /// <returns>Null when nobody who was asked has one that holds.</returns>
    public async Task<KadValue?> GetValueAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        var search = new ValueSearch(key, options.Quorum, options.Validators);
        search.Add(Self, state.GetValue(key.Span), _time.GetUtcNow()); // kad-dht: our own counts for one
        Lookup lookup = NewLookup(key);
        if (!search.HasQuorum)
        {
            await RunAsync(lookup, KadMessageType.GetValue, key, Take, cancellationToken).ConfigureAwait(false);
        }

        return search.Best is { } best
            ? new KadValue(best, search.Holders, search.Outdated, search.Holders.Min(lookup.HopsTo))
            : null;

        void Take(PeerId from, KadMessage answer)
        {
            RecordCheck check = search.Add(from, answer.Record, _time.GetUtcNow());
            if (check is not RecordCheck.Valid)
            {
                Report(from, check);
            }

            if (search.HasQuorum)
            {
                lookup.Stop();
            }
        }
    }

    /// <summary>Sends the best value to those that had a worse one (kad-dht, "Entry correction").</summary>
    public async Task CorrectAsync(ReadOnlyMemory<byte> key, KadValue found, CancellationToken cancellationToken)
    {
        if (found.Outdated.Contains(Self))
        {
            state.PutValue(key.Span, found.Value.Span, Self, out _);
        }

        var request = new KadMessage
        {
            Type = KadMessageType.PutValue,
            Key = key,
            Record = new ValueRecord(key, found.Value, _time.GetUtcNow()),
        };
        IReadOnlyList<KadPeer> others = [.. found.Outdated.Where(p => p != Self).Select(p => new KadPeer(p, []))];
        await TellAsync(others, request, static _ => true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells the closest peers that this node provides a key.</summary>
    /// <returns>How many were told.</returns>
    public async Task<int> ProvideAsync(Multihash key, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> bytes = key.Bytes.ToArray();
        IReadOnlyList<KadPeer> closest = await ClosestAsync(bytes, cancellationToken).ConfigureAwait(false);
        var self = new KadPeer(Self, [.. swarm.ListenAddresses.Select(a => a.WithoutPeerId()).OfType<Multiaddr>()]);
        var request = new KadMessage { Type = KadMessageType.AddProvider, Key = bytes, ProviderPeers = [self] };
        return await TellAsync(closest, request, static _ => true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Searches providers of a key, each given once and as soon as it is found.</summary>
    public async IAsyncEnumerable<KadPeer> FindProvidersAsync(
        Multihash key, int max, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var found = Channel.CreateBounded<KadPeer>(max); // each is written once, and at most so many are
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task search = SearchProvidersAsync(key, max, found.Writer, ending.Token);
        try
        {
            while (await found.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (found.Reader.TryRead(out KadPeer? provider))
                {
                    yield return provider;
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await search.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SearchProvidersAsync(
        Multihash key, int max, ChannelWriter<KadPeer> found, CancellationToken cancellationToken)
    {
        HashSet<PeerId> known = [Self];
        ReadOnlyMemory<byte> bytes = key.Bytes.ToArray();
        Lookup lookup = NewLookup(bytes);
        Exception? failure = null;
        try
        {
            Take(state.GetProviders(key));
            await RunAsync(lookup, KadMessageType.GetProviders, bytes, (_, a) => Take(a.ProviderPeers), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            failure = e;
        }

        found.TryComplete(failure);

        void Take(IReadOnlyList<KadPeer> providers)
        {
            foreach (KadPeer provider in providers)
            {
                if (known.Count <= max && known.Add(provider.Peer))
                {
                    found.TryWrite(provider);
                }
            }

            if (known.Count > max)
            {
                lookup.Stop();
            }
        }
    }

    private Lookup NewLookup(ReadOnlyMemory<byte> key)
    {
        KadKey target = KadKey.Of(key.Span);
        return new Lookup(
            target, Self, state.Seeds(target, options.Lookup.ResultCount), options.Lookup, _time.GetUtcNow());
    }

    private async Task RunAsync(
        Lookup lookup,
        KadMessageType type,
        ReadOnlyMemory<byte> key,
        Action<PeerId, KadMessage> answered,
        CancellationToken cancellationToken)
    {
        var request = new KadMessage { Type = type, Key = key };
        var runner = new LookupRunner(_time, (peer, token) => requester.AskAsync(peer, request, token), answered);
        await runner.RunAsync(lookup, options.Lookup.MaxRequests, cancellationToken).ConfigureAwait(false);
        KadLog.LookupEnded(log, lookup.End, lookup.RequestCount);
    }

    private async Task<int> TellAsync(
        IReadOnlyList<KadPeer> peers,
        KadMessage request,
        Func<KadMessage, bool> accepts,
        CancellationToken cancellationToken)
    {
        int told = 0;
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = options.Lookup.Concurrency,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(peers, parallel, async (peer, token) =>
        {
            KadMessage? answer = await requester.AskAsync(peer, request, token).ConfigureAwait(false);
            if (answer is not null && accepts(answer))
            {
                Interlocked.Increment(ref told);
            }
        }).ConfigureAwait(false);
        return told;
    }

    /// <summary>Nobody honest gives what its own validator refuses; what is over now may not have been there.</summary>
    private void Report(PeerId from, RecordCheck check)
    {
        KadLog.BadValue(log, from.ToShortString(), check);
        if (check is RecordCheck.BadSignature or RecordCheck.WrongKey)
        {
            swarm.Penalize(from, EndReason.AuthenticationFailed);
        }
    }
}
