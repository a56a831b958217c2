using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Whatever relays do, and in whatever order.</summary>
public sealed class RelayClientPlanProperties
{
    private const int Relays = 6;

    private static readonly Gen<(int Kind, int Relay, int Value)[]> Histories =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, Relays - 1], Gen.Int[0, 4000]).Array[0, 120];

    [Fact]
    public void The_plan_keeps_its_promises() => Histories.Sample(
        history =>
        {
            var world = new World(history.Length);
            foreach ((int kind, int relay, int value) in history)
            {
                world.Do(kind, relay, value);
            }
        },
        iter: 1000);

    [Fact]
    public void Whatever_happened_before_honest_relays_are_held_in_the_end() => Histories.Sample(
        history =>
        {
            var world = new World(history.Length);
            foreach ((int kind, int relay, int value) in history)
            {
                world.Do(kind, relay, value);
            }

            world.BeHonest();
        },
        iter: 300);

    /// <summary>The relays as they are, to hold the plan's wishes against.</summary>
    private sealed class World(int seed)
    {
        private readonly RelayClientPlanRun _run = new(new RelayClientOptions { MaxCandidates = 5 }, seed);
        private readonly HashSet<PeerId> _up = [];
        private readonly HashSet<PeerId> _asking = [];
        private readonly HashSet<PeerId> _connecting = [];
        private bool _isNeeded;

        public void Do(int kind, int relay, int value)
        {
            PeerId id = TestPeers.Id(relay);
            switch (kind)
            {
                case 0:
                    _isNeeded = value % 4 > 0;
                    Step(new ReservationEvent.NeedChanged(_isNeeded));
                    break;
                case 1 or 2:
                    _up.Add(id);
                    Step(new ReservationEvent.RelayUp(id, value % 3 == 0 ? null : $"{value % 2}", TimeSpan.FromMilliseconds(value)));
                    break;
                case 3:
                    _up.Remove(id);
                    Step(new ReservationEvent.RelayDown(id));
                    break;
                case 4 or 5 when _asking.Remove(id):
                    LinkLimit? limit = value % 2 == 0 ? null : new LinkLimit(null, value);
                    Step(new ReservationEvent.SlotGranted(id, _run.Slot(relay, limit, TimeSpan.FromSeconds(30 + value))));
                    break;
                case 6 when _asking.Remove(id):
                    Step(new ReservationEvent.SlotRefused(id, (ReservationFailure)(value % 3)));
                    break;
                case 7 when _connecting.Remove(id):
                    Step(new ReservationEvent.ConnectEnded(id));
                    break;
                case 8:
                    Step(new ReservationEvent.RelayMoved(id));
                    break;
                default:
                    Advance(TimeSpan.FromSeconds(value));
                    break;
            }
        }

        public void BeHonest()
        {
            Do(0, 0, 1);
            for (int i = 0; i < Relays; i++)
            {
                Do(1, i, 10);
            }

            for (int i = 0; i < 60 && _run.Plan.Reservations.Count < _run.Options.Reservations; i++)
            {
                foreach (PeerId asked in _asking.ToList())
                {
                    _asking.Remove(asked);
                    Step(new ReservationEvent.SlotGranted(asked, _run.Slot(0)));
                }

                Advance(TimeSpan.FromMinutes(1));
            }

            Assert.True(_run.Plan.Reservations.Count >= _run.Options.Reservations, "too few slots in the end");
        }

        /// <summary>As the shell does: whenever the plan asked to be woken.</summary>
        private void Advance(TimeSpan time)
        {
            DateTimeOffset end = _run.Now + time;
            for (int wakes = 0; _run.Plan.NextWake is { } next && next <= end; wakes++)
            {
                Assert.True(wakes < 10_000, "it never comes to rest");
                _run.Pass(next - _run.Now);
                Check();
            }

            _run.Pass(end - _run.Now);
            Check();
        }

        private void Step(ReservationEvent @event)
        {
            _run.Step(@event);
            Check();
        }

        private void Check()
        {
            foreach (ReservationEffect effect in _run.Effects)
            {
                switch (effect)
                {
                    case ReservationEffect.Ask ask:
                        Assert.True(_isNeeded, "asked though not needed");
                        Assert.True(_up.Contains(ask.Relay), "asked over no connection");
                        Assert.True(_asking.Add(ask.Relay), "asked twice at once");
                        break;
                    case ReservationEffect.Connect connect:
                        Assert.True(_isNeeded && !_up.Contains(connect.Relay), "connected to without need");
                        Assert.True(_connecting.Add(connect.Relay), "connected to twice at once");
                        break;
                }
            }

            IReadOnlyList<RelayReservation> held = _run.Plan.Reservations;
            Assert.True(_isNeeded || held.Count == 0, "told of slots that are not needed");
            Assert.All(held, h => Assert.Contains(h.Relay, _up));
            Assert.All(held, h => Assert.True(h.Expires > _run.Now, "told of a slot that has ended"));
            Assert.Equal(held.Count, held.DistinctBy(h => h.Relay).Count());
            Assert.True(_run.Plan.CandidateCount <= _run.Options.MaxCandidates, "too many remembered");
            Assert.True(!(_run.Plan.NextWake <= _run.Now), "wants to be woken in the past");
        }
    }
}
