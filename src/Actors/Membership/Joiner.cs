using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Brings an incarnation into a cluster: looks who is about, and does what <see cref="JoinPlan"/> says.</summary>
internal sealed class Joiner(
    ClusterHostOptions options,
    IPeerStreams streams,
    TimeProvider time,
    IReachability reachability,
    Func<IEnumerable<PeerId>> known,
    ILogger log,
    Action<IReadOnlyList<JoinBlocker>, IReadOnlyList<JoinBlocker>> tellBlockers)
{
    /// <summary>How often those that were named are asked whom they name.</summary>
    private const int MaxNaming = 3;

    private readonly Random _random = new(streams.LocalPeer.GetHashCode()); // only spreads pauses

    /// <summary>Joins or founds; ends when the incarnation is a member.</summary>
    public async Task JoinAsync(Incarnation incarnation, bool wasMember, CancellationToken cancellationToken)
    {
        var plan = new JoinPlan(options, wasMember);
        long start = time.GetTimestamp();
        while (!incarnation.Joined.IsCompleted)
        {
            JoinView view = await LookAsync(plan.IsAnnounced, cancellationToken);
            JoinMove move = plan.Next(time.GetElapsedTime(start), view);
            if (move == JoinMove.Announce)
            {
                view = await LookAsync(isJoining: true, cancellationToken);
                move = plan.Next(time.GetElapsedTime(start), view);
            }

            Tell(plan, time.GetElapsedTime(start), view);
            await CarryOutAsync(move, view, incarnation, cancellationToken);

            // Two that wait for each other must not look at the same moments for ever; who has asked is let in without looking any more.
            TimeSpan pause = options.JoinRetry * (view.Blockers.Count > 0 ? 0.5 + _random.NextDouble() : plan.IsAnnounced ? 3 : 1);
            await Task.WhenAny(incarnation.Joined, Task.Delay(pause, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }

        tellBlockers([], []);
    }

    /// <summary>Ends when a member that is alone has seen, at two looks in a row, that it could join another cluster.</summary>
    public async Task WatchForIslandAsync(Func<bool> isAlone, CancellationToken cancellationToken)
    {
        int seen = 0;
        while (seen < 2)
        {
            // Two that are alone must not go and look for each other at the same time, again and again.
            await Task.Delay(options.IslandCheck * (1 + _random.NextDouble()), time, cancellationToken);
            bool island = isAlone() && known().Any()
                && await LookAsync(isJoining: false, cancellationToken) is { Members.Count: > 0, Blockers.Count: 0 };
            seen = island && isAlone() ? seen + 1 : 0;
        }
    }

    private async Task CarryOutAsync(JoinMove move, JoinView view, Incarnation incarnation, CancellationToken cancellationToken)
    {
        if (move == JoinMove.Found)
        {
            log.Founding();
            incarnation.Cluster.Join(incarnation.Cluster.SelfAddress);
            await incarnation.Joined.WaitAsync(cancellationToken);
        }
        else if (move == JoinMove.Ask)
        {
            log.Asking(view.Members.Count);
            incarnation.Ask(view.Members.Select(AkkaAddress.Of));
        }
    }

    /// <summary>Asks everybody it knows or is connected with, then those that they name, until nobody new is named.</summary>
    private async Task<JoinView> LookAsync(bool isJoining, CancellationToken cancellationToken)
    {
        PeerId[] peers = [.. known()];
        PeerId[] asked = [.. peers.Union(streams.ConnectedPeers).Take(options.MaxKnownMembers)];
        MembersAnswer?[] first = await WithinLimitAsync(asked, (peer, limit, token) => AskAsync(peer, isJoining, limit, token), cancellationToken);
        Dictionary<PeerId, MembersAnswer> answers = asked.Zip(first).Where(pair => pair.Second is not null).ToDictionary(pair => pair.First, pair => pair.Second!);
        Dictionary<PeerId, Reach> others = [];
        for (int i = 0; i < MaxNaming; i++)
        {
            PeerId[] named = [.. JoinView.Named(answers.Values)
                .Where(peer => peer != streams.LocalPeer && !answers.ContainsKey(peer) && !others.ContainsKey(peer)).Take(MembersCodec.MaxPeers)];
            if (named.Length == 0)
            {
                break;
            }

            (Reach Reach, MembersAnswer? Answer)[] found = await WithinLimitAsync(
                named, (peer, _, token) => ReachAndAskAsync(peer, isJoining, token), cancellationToken);
            foreach ((PeerId peer, (Reach reach, MembersAnswer? answer)) in named.Zip(found))
            {
                if (answer is null)
                {
                    others.Add(peer, reach);
                }
                else
                {
                    answers.Add(peer, answer);
                }
            }
        }

        HashSet<PeerId> must = [.. JoinView.MustReach(answers.Values)];
        return new JoinView(
            peers.Length > 0,
            answers.Keys,
            [.. answers.Where(answer => answer.Value.IsMember).Select(answer => answer.Key)],
            [.. others.Where(other => must.Contains(other.Key) && !other.Value.IsReachable).Select(other => new JoinBlocker(other.Key, other.Value.Obstacle!))])
        {
            Doubts = [.. others.Where(other => must.Contains(other.Key) == other.Value.IsReachable).Select(other => other.Key)],
        };
    }

    private async Task<(Reach Reach, MembersAnswer? Answer)> ReachAndAskAsync(PeerId peer, bool isJoining, CancellationToken cancellationToken)
    {
        Reach reach = await reachability.ReachAsync(peer, cancellationToken);
        return (reach, reach.IsReachable ? await AskAsync(peer, isJoining, limit: null, cancellationToken) : null);
    }

    private async Task<T[]> WithinLimitAsync<T>(
        PeerId[] peers, Func<PeerId, CancellationTokenSource, CancellationToken, Task<T>> act, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(options.ReachLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        T[] results = await Task.WhenAll(peers.Select(peer => act(peer, limit, either.Token)));
        cancellationToken.ThrowIfCancellationRequested();
        return results;
    }

    private async Task<MembersAnswer?> AskAsync(PeerId peer, bool isJoining, CancellationTokenSource? limit, CancellationToken cancellationToken)
    {
        try
        {
            MembersAnswer answer = await MembersProtocol.AskAsync(streams, peer, isJoining, cancellationToken);
            if (answer.IsMember)
            {
                limit?.CancelAfter(options.JoinRetry); // who matters is named by members: those who are gone need not be waited for
            }

            return answer;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ProtocolViolationException)
        {
            return null;
        }
    }

    private void Tell(JoinPlan plan, TimeSpan elapsed, JoinView view)
    {
        IReadOnlyList<JoinBlocker> news = plan.News(view);
        foreach (JoinBlocker blocker in news)
        {
            log.CannotReach(blocker.Peer.ToString(), blocker.Reason);
        }

        if (plan.IsOutOfPatience(elapsed, view))
        {
            log.StillOutside(options.BlockedPatience, string.Join(", ", view.Blockers.Select(blocker => blocker.Peer.ToShortString())));
        }

        tellBlockers(view.Blockers, news);
    }
}
