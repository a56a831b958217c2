using Akka.Actor;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Exchange;

public sealed class ExchangeActorTests : IAsyncLifetime
{
    private readonly Fabric _fabric = new();
    private readonly ActorSystem _system = ActorSystem.Create("exchange-actor", "akka.loglevel = OFF");
    private ExchangeNode _maker = null!;
    private ExchangeNode _receiver = null!;

    public async ValueTask InitializeAsync()
    {
        _maker = await ExchangeNode.StartAsync(_fabric, _system, 0);
        _receiver = await ExchangeNode.StartAsync(_fabric, _system, 1);
    }

    public async ValueTask DisposeAsync()
    {
        await _system.Terminate().LimitAsync("the actor system's end");
        await _maker.DisposeAsync();
        await _receiver.DisposeAsync();
        await _fabric.DisposeAsync();
    }

    [Fact]
    public async Task One_push_at_a_time_goes_to_a_peer_and_only_the_newest_waits()
    {
        IActorRef exchange = Start(_maker);
        Contribution[] rounds = [.. Enumerable.Range(1, 4).Select(i => _maker.Make(_maker.Values(i), (uint)i))];
        _receiver.Probe.Answer = null;
        exchange.Tell(new ExchangeProtocol.Push(rounds[0], [_receiver.Peer]));
        await Within.UntilAsync(() => _receiver.Probe.Waiting.Count == 1, "the first offer");

        foreach (Contribution contribution in rounds[1..])
        {
            exchange.Tell(new ExchangeProtocol.Push(contribution, [_receiver.Peer]));
        }

        await exchange.Ask<ActorIdentity>(new Identify(1), Within.Limit); // it has seen them all
        Assert.Single(Offers());
        _receiver.Probe.Answer = RunProtocol.OfferAnswer.Wanted;
        _receiver.Probe.Release(RunProtocol.OfferAnswer.Wanted);
        await Within.UntilAsync(() => _receiver.Probe.Received.Count() == 2, "the first and the last");

        Assert.Equal([1u, 4u], Offers().Select(c => c.Round));
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(5), 5), [_receiver.Peer]));
        await Within.UntilAsync(() => _receiver.Probe.Received.Any(c => c.Round == 5), "pushes go on");
    }

    [Fact]
    public async Task A_peer_that_cannot_be_reached_keeps_nobody_else_waiting_and_is_tried_again()
    {
        IActorRef exchange = Start(_maker);
        _fabric.Cut(_maker.Peer, _receiver.Peer);
        await using ExchangeNode third = await ExchangeNode.StartAsync(_fabric, _system, 2);
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(1)), [_receiver.Peer, third.Peer]));
        await Within.UntilAsync(() => third.Probe.Received.Any(), "the push to the third");
        _fabric.Heal(_maker.Peer, _receiver.Peer);
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(2), 2), [_receiver.Peer, third.Peer]));
        await Within.UntilAsync(() => _receiver.Probe.Received.Any(c => c.Round == 2), "the next push to the second");
    }

    [Fact]
    public async Task A_push_that_broke_off_is_repeated_when_the_way_is_back()
    {
        IActorRef exchange = Start(_maker);
        _fabric.Cut(_maker.Peer, _receiver.Peer);
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(1)), [_receiver.Peer]));
        await Task.Delay(ExchangeActor.PushPause / 2, TestContext.Current.CancellationToken); // the first try has failed, or does now
        _fabric.Heal(_maker.Peer, _receiver.Peer);

        await Within.UntilAsync(() => _receiver.Probe.Received.Any(c => c.Round == 1), "the same push again");
    }

    [Fact]
    public async Task A_push_that_was_given_up_goes_when_the_peer_is_back()
    {
        IActorRef exchange = Start(_maker, maxPushRepeats: 0);
        _fabric.Cut(_maker.Peer, _receiver.Peer);
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(1)), [_receiver.Peer]));
        await _maker.LentAsync(1); // the store's alone: the push has failed, or has not begun
        _fabric.Heal(_maker.Peer, _receiver.Peer);
        for (int i = 0; i < 20 && !_receiver.Probe.Received.Any(); i++)
        {
            _fabric.Disconnect(_maker.Peer, _receiver.Peer);
            _fabric.Connect(_receiver.Peer, _maker.Peer); // whoever dials
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }

        await Within.UntilAsync(() => _receiver.Probe.Received.Any(c => c.Round == 1), "the push");
    }

    [Fact]
    public async Task A_model_is_got_from_whoever_is_connected_before_its_maker_is_dialled()
    {
        await using ExchangeNode third = await ExchangeNode.StartAsync(_fabric, _system, 2);
        IActorRef exchange = Start(_receiver);
        Contribution contribution = _maker.Make(_maker.Values(1));
        third.Keep(contribution, _maker.Values(1));
        _fabric.Connect(_receiver.Peer, third.Peer);
        _fabric.Slow(_maker.Peer, _receiver.Peer, TimeSpan.FromHours(1));

        exchange.Tell(new ExchangeProtocol.Fetch(contribution, [_maker.Peer, third.Peer]));

        await Within.UntilAsync(() => _receiver.Probe.Received.Any(), "the model");
        Assert.Equal(_maker.ModelBytes, third.Context.Traffic.Sent);
    }

    [Fact]
    public async Task A_fetch_is_not_doubled_and_the_run_hears_how_it_ended()
    {
        IActorRef exchange = Start(_receiver);
        Contribution contribution = _maker.Make(_maker.Values(1));
        _fabric.Slow(_maker.Peer, _receiver.Peer, TimeSpan.FromMilliseconds(100));
        var fetch = new ExchangeProtocol.Fetch(contribution, [_maker.Peer]);
        exchange.Tell(fetch);
        exchange.Tell(fetch);
        await Within.UntilAsync(() => _receiver.Probe.Received.Any(), "the model");
        Assert.Equal(_maker.ModelBytes, _maker.Context.Traffic.Sent);

        exchange.Tell(new ExchangeProtocol.Fetch(_maker.Sign(_maker.Values(2), 2), [_maker.Peer]));
        await Within.UntilAsync(() => _receiver.Probe.Told.OfType<RunProtocol.FetchEnded>().Any(), "the fetch of what nobody has");
        Assert.Single(_receiver.Probe.Received);
        await _receiver.LentAsync(1);
    }

    [Fact]
    public async Task A_stop_ends_pushes_and_fetches_under_way()
    {
        IActorRef exchange = Start(_maker);
        _receiver.Probe.Answer = null;
        exchange.Tell(new ExchangeProtocol.Push(_maker.Make(_maker.Values(1)), [_receiver.Peer]));
        await Within.UntilAsync(() => _receiver.Probe.Waiting.Count == 1, "the offer");
        _fabric.Slow(_maker.Peer, _receiver.Peer, TimeSpan.FromHours(1));
        exchange.Tell(new ExchangeProtocol.Fetch(_receiver.Make(_receiver.Values(1)), [_receiver.Peer]));
        await _maker.LentAsync(2); // its own model, held by the store and the push, and the one to be fetched into

        Assert.True(await exchange.GracefulStop(Within.Limit));

        await _maker.LentAsync(1);
        _maker.Context.Models.DropBelow(2);
        await _maker.LentAsync(0); // the push holds it no longer
    }

    private static Contribution Offered(object message) => ((RunProtocol.Offer)message).Contribution;

    private IActorRef Start(ExchangeNode node, int maxPushRepeats = ExchangeActor.MaxPushRepeats) =>
        _system.ActorOf(ExchangeActor.Props(node.Service, node.Run, maxPushRepeats));

    private IEnumerable<Contribution> Offers() => _receiver.Probe.Told.Where(m => m is RunProtocol.Offer).Select(Offered);
}
