using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

/// <summary>What an operation took.</summary>
/// <param name="Good">It did what it should.</param>
/// <param name="Time">Virtual.</param>
/// <param name="Requests">Of its lookup.</param>
/// <param name="Hops">Requests in turn to the holder that is nearest, or to the farthest of those that stored it.</param>
/// <param name="Count">Peers that stored it, or that had it.</param>
internal readonly record struct SimResult(bool Good, TimeSpan Time, int Requests, int Hops, int Count);

/// <summary>The operations of a node, driven by the events of the network.</summary>
internal sealed class SimClient(SimNetwork net, SimNode node)
{
    /// <summary>Runs a lookup to its end.</summary>
    public void Search(
        KadMessageType type, ReadOnlyMemory<byte> key, Action<Lookup, KadPeer, KadMessage> answered, Action<Lookup> ended)
    {
        KadKey target = KadKey.Of(key.Span);
        var request = new KadMessage { Type = type, Key = key };
        var lookup = new Lookup(
            target, node.Self.Peer, node.Table.Closest(target, 20), net.Options.Lookup, net.Now);
        bool isEnded = false;
        DateTimeOffset ticks = DateTimeOffset.MaxValue;
        Step(lookup.Tick(net.Now));

        void Step(IReadOnlyList<KadPeer> ask)
        {
            foreach (KadPeer peer in ask)
            {
                net.Ask(node, peer.Peer, request, answer => Take(peer, answer));
            }

            if (lookup.End != LookupEnd.None && !isEnded)
            {
                isEnded = true;
                ended(lookup);
            }
            else if (!isEnded && lookup.NextDeadline(net.Now) is var next && next < ticks)
            {
                ticks = next;
                net.After(next - net.Now, () =>
                {
                    ticks = DateTimeOffset.MaxValue;
                    Step(lookup.Tick(net.Now));
                });
            }
        }

        void Take(KadPeer peer, KadMessage? answer)
        {
            if (isEnded)
            {
                return;
            }

            if (answer is null)
            {
                Step(lookup.Failed(peer.Peer, net.Now));
                return;
            }

            answered(lookup, peer, answer);
            Step(lookup.Answered(peer.Peer, answer.CloserPeers, net.Now));
        }
    }

    public void Put(byte[] key, byte[] value, Action<SimResult> done)
    {
        DateTimeOffset start = net.Now;
        var request = new KadMessage
        {
            Type = KadMessageType.PutValue,
            Key = key,
            Record = new ValueRecord(key, value, null),
        };
        Search(KadMessageType.FindNode, key, static (_, _, _) => { }, lookup =>
        {
            IReadOnlyList<KadPeer> closest = lookup.Closest;
            int open = closest.Count, stored = 0;
            foreach (KadPeer peer in closest)
            {
                net.Ask(node, peer.Peer, request, answer =>
                {
                    stored += answer is null ? 0 : 1;
                    if (--open == 0)
                    {
                        int hops = closest.Max(p => lookup.HopsTo(p.Peer));
                        done(new SimResult(stored >= 10, net.Now - start, lookup.RequestCount, hops, stored));
                    }
                });
            }

            if (open == 0)
            {
                done(new SimResult(false, net.Now - start, lookup.RequestCount, 0, 0));
            }
        });
    }

    public void Get(byte[] key, Action<SimResult> done)
    {
        DateTimeOffset start = net.Now;
        var search = new ValueSearch(key, net.Options.Quorum, SimNode.Validators);
        search.Add(node.Self.Peer, node.Records.Get(key, net.Now), net.Now);
        Search(KadMessageType.GetValue, key, Take, lookup => done(new SimResult(
            search.Best is not null,
            net.Now - start,
            lookup.RequestCount,
            search.Holders.Count > 0 ? search.Holders.Min(lookup.HopsTo) : 0,
            search.Count)));

        void Take(Lookup lookup, KadPeer peer, KadMessage answer)
        {
            search.Add(peer.Peer, answer.Record, net.Now);
            if (search.HasQuorum)
            {
                lookup.Stop();
            }
        }
    }

    /// <summary>Looks itself up, then the buckets that nobody looked through.</summary>
    public void Join(Action done)
    {
        Search(KadMessageType.FindNode, node.Self.Peer.Bytes.ToArray(), static (_, _, _) => { }, _ =>
        {
            Queue<int> stale = new(node.Table.StaleBuckets(net.Now).Take(net.Options.RefreshedBuckets));
            Refresh(stale, done);
        });
    }

    private void Refresh(Queue<int> buckets, Action done)
    {
        if (!buckets.TryDequeue(out int bucket))
        {
            done();
            return;
        }

        byte[] key = RefreshTarget.Find(node.Table.SelfKey, bucket, net.Random.NextBytes);
        Search(KadMessageType.FindNode, key, static (_, _, _) => { }, _ => Refresh(buckets, done));
    }
}
