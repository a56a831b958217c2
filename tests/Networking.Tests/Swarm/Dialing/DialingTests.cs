using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Dialing;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm.Dialing;

public sealed class DialingTests
{
    private static readonly Multiaddr First = Multiaddr.Parse("/ip4/192.0.2.1/tcp/1");
    private static readonly Multiaddr Second = Multiaddr.Parse("/ip4/192.0.2.2/tcp/2");
    private static readonly Multiaddr Third = Multiaddr.Parse("/ip4/192.0.2.3/tcp/3");
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Backoff_grows_with_the_square_of_the_failures_up_to_five_minutes()
    {
        var backoff = new DialBackoff(_time);
        Assert.Equal(TimeSpan.Zero, backoff.WaitFor(First).Wait);

        foreach (int seconds in new[] { 6, 9, 14, 21, 30 })
        {
            backoff.Failed(First, EndReason.Timeout);
            Assert.Equal((TimeSpan.FromSeconds(seconds), EndReason.Timeout), backoff.WaitFor(First));
        }

        for (int i = 0; i < 100; i++)
        {
            backoff.Failed(First, EndReason.LinkLost);
        }

        Assert.Equal((TimeSpan.FromMinutes(5), EndReason.LinkLost), backoff.WaitFor(First));
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(TimeSpan.Zero, backoff.WaitFor(First).Wait);
    }

    [Fact]
    public void Backoff_is_forgotten_after_a_success_and_bounded()
    {
        var backoff = new DialBackoff(_time);
        backoff.Failed(First, EndReason.Timeout);
        backoff.Succeeded(First);
        Assert.Equal(TimeSpan.Zero, backoff.WaitFor(First).Wait);

        for (int i = 0; i < DialBackoff.MaxEntries + 10; i++)
        {
            backoff.Failed(Multiaddr.Parse($"/ip4/10.0.{i / 256}.{i % 256}/tcp/1"), EndReason.Timeout);
        }

        Assert.Equal(DialBackoff.MaxEntries, backoff.Count);
    }

    [Fact]
    public void Backoff_of_addresses_through_a_relay_is_forgotten_when_the_relay_is_back()
    {
        Multiaddr Through(int relay, int target) =>
            Multiaddr.Parse($"/ip4/9.9.9.9/tcp/1/p2p/{TestPeers.Id(relay)}/p2p-circuit/p2p/{TestPeers.Id(target)}");
        var backoff = new DialBackoff(_time);
        foreach (Multiaddr address in (Multiaddr[])[First, Through(1, 3), Through(1, 4), Through(2, 3)])
        {
            backoff.Failed(address, EndReason.Timeout);
        }

        backoff.ForgetThrough(TestPeers.Id(1));

        Assert.Equal(2, backoff.Count);
        Assert.Equal(TimeSpan.Zero, backoff.WaitFor(Through(1, 3)).Wait);
        Assert.NotEqual(TimeSpan.Zero, backoff.WaitFor(Through(2, 3)).Wait);
        Assert.NotEqual(TimeSpan.Zero, backoff.WaitFor(First).Wait);
    }

    [Fact]
    public void Ranking_lets_both_kinds_take_turns_puts_relays_last_and_cuts()
    {
        Multiaddr lan = Multiaddr.Parse("/ip4/10.0.0.1/tcp/1");
        Multiaddr lan2 = Multiaddr.Parse("/ip4/10.0.0.2/tcp/1");
        Multiaddr open = Multiaddr.Parse("/ip4/8.8.8.8/tcp/1");
        Multiaddr relayed = Multiaddr.Parse($"/ip4/9.9.9.9/tcp/1/p2p/{TestPeers.Id(1)}/p2p-circuit");

        Assert.Equal([lan, open, lan2, relayed], AddressRanking.Rank([relayed, lan, lan2, open, lan], 10));
        Assert.Equal([lan, relayed], AddressRanking.Rank([relayed, lan, lan2, open], 2)); // a relayed one is always left
        Assert.Empty(AddressRanking.Rank([], 5));
    }

    [Fact]
    public async Task A_dial_lists_each_address_with_its_reason_and_the_most_telling_one()
    {
        PeerDial dial = Dial([First, Second], (address, _) => Task.FromResult(
            Failure(address, address == First ? EndReason.PeerIdMismatch : EndReason.Timeout)));

        Assert.Null(await dial.RunAsync(default));
        PeerUnreachableException e = DialOutcome.ToException(TestPeers.Id(1), dial.Failures);

        Assert.Equal(EndReason.PeerIdMismatch, e.Reason);
        Assert.Equal($"cannot reach peer {TestPeers.Id(1)}: {First}: PeerIdMismatch; {Second}: Timeout", e.Message);
    }

    [Fact]
    public async Task The_next_address_starts_when_one_fails_or_has_kept_us_waiting()
    {
        var started = new List<Multiaddr>();
        var answers = new Dictionary<Multiaddr, TaskCompletionSource<DialOutcome>>
        {
            [First] = new(),
            [Second] = new(),
            [Third] = new(),
        };
        PeerDial dial = Dial(
            [First, Second, Third],
            (address, token) =>
            {
                started.Add(address);
                token.Register(() => answers[address].TrySetResult(Failure(address, EndReason.ClosedLocally)));
                return answers[address].Task;
            },
            maxAtOnce: 2);

        Task<Networking.Swarm.Connections.SwarmConnection?> running = dial.RunAsync(default);
        Assert.Equal([First], started);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await Within.UntilAsync(() => started.Count == 2, "the second address is tried");
        _time.Advance(TimeSpan.FromSeconds(1)); // two at once and no more
        Assert.Equal(2, started.Count);
        answers[Second].SetResult(Failure(Second, EndReason.LinkLost));
        await Within.UntilAsync(() => started.Count == 3, "the third address is tried");
        answers[First].SetResult(Failure(First, EndReason.LinkLost));
        answers[Third].SetResult(Failure(Third, EndReason.LinkLost));

        Assert.Null(await running.LimitAsync("the dial"));
        Assert.Equal(3, dial.Failures.Count);
    }

    [Fact]
    public async Task A_bug_in_a_dial_is_not_swallowed()
    {
        PeerDial dial = Dial(
            [First], (_, _) => Task.FromException<DialOutcome>(new InvalidOperationException("a bug")));

        await Assert.ThrowsAsync<InvalidOperationException>(() => dial.RunAsync(default).LimitAsync("the dial"));
    }

    [Fact]
    public async Task Callers_who_want_the_same_share_a_dial_and_the_last_to_leave_ends_it()
    {
        using var closing = new CancellationTokenSource();
        var queue = new DialQueue<string, int>(new TaskGroup(_ => { }), closing.Token);
        var begun = new TaskCompletionSource<CancellationToken>();
        int dials = 0;
        async Task<int> DialAsync(CancellationToken token)
        {
            Interlocked.Increment(ref dials);
            begun.TrySetResult(token);
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 1;
        }

        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        Task<int> one = queue.JoinAsync("a", DialAsync, first.Token);
        Task<int> two = queue.JoinAsync("a", DialAsync, second.Token);
        CancellationToken dialToken = await begun.Task.LimitAsync("the dial began");

        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.LimitAsync("the first caller"));
        Assert.False(dialToken.IsCancellationRequested);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => two.LimitAsync("the second caller"));

        await Within.UntilAsync(() => dialToken.IsCancellationRequested, "the dial is called off");
        Assert.Equal((1, 0), (dials, queue.Count));
    }

    [Fact]
    public async Task Whoever_waits_takes_what_comes_from_elsewhere_and_the_dial_goes_on()
    {
        var queue = new DialQueue<string, int>(new TaskGroup(_ => { }), default);
        var dial = new TaskCompletionSource<int>();
        Task<int> waiting = queue.JoinAsync("a", token => dial.Task.WaitAsync(token), default);
        queue.Complete("b", 5);
        Assert.False(waiting.IsCompleted);

        queue.Complete("a", 6);

        Assert.Equal(6, await waiting.LimitAsync("the caller"));
        Assert.Equal(7, await queue.JoinAsync("a", _ => Task.FromResult(7), default).LimitAsync("the next caller"));
        dial.SetResult(8);
        await Within.UntilAsync(() => queue.Count == 0, "the end of the first dial");
    }

    [Fact]
    public async Task Who_comes_after_the_result_gets_a_dial_of_its_own()
    {
        var queue = new DialQueue<string, int>(new TaskGroup(_ => { }), default);
        int dials = 0;
        for (int i = 1; i <= 2_000; i++)
        {
            Assert.Equal(i, await queue.JoinAsync("a", _ => Task.FromResult(++dials), default).LimitAsync("the dial"));
        }
    }

    [Fact]
    public async Task Closing_ends_dials_and_takes_no_more()
    {
        using var closing = new CancellationTokenSource();
        var tasks = new TaskGroup(_ => { });
        var queue = new DialQueue<string, int>(tasks, closing.Token);
        Task<int> dial = queue.JoinAsync("a", async token =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 1;
        }, default);

        await closing.CancelAsync();
        await tasks.CloseAsync().LimitAsync("the dial ended");

        await Assert.ThrowsAsync<ObjectDisposedException>(() => dial);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => queue.JoinAsync("b", _ => Task.FromResult(1), default));
    }

    [Fact]
    public async Task A_name_stands_for_a_few_addresses_and_keeps_its_peer_id()
    {
        Multiaddr named = Multiaddr.Parse($"/dns4/node.example/tcp/4001/p2p/{TestPeers.Id(1)}");
        var resolver = new AddressResolver((host, family, _) =>
        {
            Assert.Equal(("node.example", AddressFamily.InterNetwork), (host, family));
            return Task.FromResult(Enumerable.Range(1, 100).Select(i => IPAddress.Parse($"192.0.2.{i}")).ToArray());
        });

        IReadOnlyList<Multiaddr> resolved = await resolver.ResolveAsync(named, default);

        Assert.Equal(AddressResolver.MaxAddressesPerName, resolved.Count);
        Assert.Equal(Multiaddr.Parse($"/ip4/192.0.2.1/tcp/4001/p2p/{TestPeers.Id(1)}"), resolved[0]);
        Assert.Equal([First], await resolver.ResolveAsync(First, default));
    }

    private static DialOutcome Failure(Multiaddr address, EndReason reason) =>
        new(address, null, reason, reason.ToString(), null);

    private PeerDial Dial(
        IReadOnlyList<Multiaddr> addresses,
        Func<Multiaddr, CancellationToken, Task<DialOutcome>> dialOne,
        int maxAtOnce = 4) =>
        new(addresses, dialOne, maxAtOnce, TimeSpan.FromMilliseconds(250), _time);
}
