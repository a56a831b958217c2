using System.Collections.Concurrent;
using Akka.Actor;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

/// <summary>Every connection of a member breaks for a moment, as when its router restarts, while messages flow.</summary>
public sealed class BreakTests
{
    private const int Members = 4, Messages = 3000, Breaks = 6;

    [Fact]
    public async Task No_message_is_lost_and_nobody_notices()
    {
        await using TestMesh mesh = new();
        ConcurrentDictionary<string, ConcurrentQueue<int>> received = new();
        ClusterHost[] hosts = await mesh.FormAsync(
            Members,
            i => (i == 0 ? TestMesh.Options() : TestMesh.Options(0)) with { Rules = FirewallRules.For(["/user/sink"], []) },
            system => system.ActorOf(Props.Create(() => new Sink(received)), "sink"));
        List<ClusterSubscription> changes = [.. hosts.Select(host => host.Subscribe())];

        // Number 0 sends to all others, all others to number 0.
        Task sending = Task.WhenAll(Enumerable.Range(1, Members - 1).SelectMany(i => (Task[])[SendAsync(hosts[0], i), SendAsync(hosts[i], 0)]));
        for (int i = 0; i < Breaks; i++)
        {
            int seen = (i + 1) * Messages * 2 * (Members - 1) / (Breaks + 2);
            await Within.UntilAsync(() => received.Values.Sum(queue => queue.Count) >= seen, $"{seen} messages");
            for (int other = 1; other < Members; other++)
            {
                mesh.Fabric.Disconnect(TestMesh.Peer(0), TestMesh.Peer(other));
            }
        }

        await sending.LimitAsync("all to be sent");
        await Within.UntilAsync(
            () => received.Values.Count(queue => queue.Count == Messages) == 2 * (Members - 1), "all messages");

        Assert.All(received.Values, queue => Assert.Equal(Enumerable.Range(0, Messages), queue));
        Assert.Equal(0, hosts.Sum(host => host.Counters.Lost));
        Assert.True(hosts[0].Counters.Resumed >= Breaks);
        foreach (ClusterSubscription subscription in changes)
        {
            while (subscription.Changes.TryRead(out ClusterChange? change))
            {
                Assert.NotEqual(ClusterChangeKind.UnreachableMember, change.Kind);
            }
        }
    }

    private static async Task SendAsync(ClusterHost from, int to)
    {
        string path = AkkaAddress.Of(TestMesh.Peer(to)) + "/user/sink";
        IActorRef sink = ((ExtendedActorSystem)from.System!).Provider.ResolveActorRef(path);
        for (int i = 0; i < Messages; i++)
        {
            sink.Tell($"{from.Snapshot.Self}>{to}:{i}");
            if (i % 20 == 19)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System); // so that the breaks fall among the messages
            }
        }
    }

    private sealed class Sink : ReceiveActor
    {
        public Sink(ConcurrentDictionary<string, ConcurrentQueue<int>> received) => Receive<string>(text =>
        {
            int colon = text.LastIndexOf(':');
            received.GetOrAdd(text[..colon], _ => new ConcurrentQueue<int>()).Enqueue(int.Parse(text.AsSpan(colon + 1), provider: null));
        });
    }
}
