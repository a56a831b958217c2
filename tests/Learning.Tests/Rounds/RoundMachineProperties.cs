using CsCheck;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

/// <summary>Laws that hold whatever order, number and kind of events a machine is told.</summary>
public sealed class RoundMachineProperties
{
    private static readonly Participant Self = new("c");
    private static readonly Participant[] Others = [new("a"), new("b"), new("d"), new("e"), new("f")];

    private int _mixings;
    private int _jumps;
    private int _proofs;

    private static readonly RoundOptions Options = new()
    {
        Rounds = 5,
        Faulty = 1,
        MinCandidates = 3,
        MaxStrangers = 3,
        AheadWindow = 2,
    };

    private static readonly Gen<RoundEvent> AnyEvent = Gen.Frequency(
        (8, Reference(Others).Select(r => (RoundEvent)new ModelArrived(r))),
        (4, Reference(Others).Select(r => (RoundEvent)new HeadKnown(r))),
        (1, Reference(Others).Select(r => (RoundEvent)new ModelRefused(r))),
        (1, Reference(Others).Select(r => (RoundEvent)new FetchFailed(r))),
        (1, Reference([Self]).Select(r => (RoundEvent)new HeadKnown(r))),
        (2, Gen.Int[0, 4].Select(i => (RoundEvent)new ParticipantJoined(Others[i]))),
        (1, Gen.Int[0, 4].Select(i => (RoundEvent)new ParticipantLeft(Others[i]))),
        (4, Gen.Const((RoundEvent)new TimePassed())),
        (1, Gen.Int[1, 5].Select(r => (RoundEvent)new LocalStepsFinished(r))),
        (1, Gen.Int[1, 5].Select(r => (RoundEvent)new Mixed(r, null))),
        (1, Gen.Int[1, 5].Select(r => (RoundEvent)new CaughtUp(r))),
        (1, Gen.Int[1, 5].Select(r => (RoundEvent)new CatchUpFailed(r))));

    /// <summary>Many speak in one round, in any order: without it chance would hardly ever make a quorum.</summary>
    private static readonly Gen<RoundEvent[]> Burst =
        from round in Gen.Int[1, 6]
        from order in Gen.Shuffle(Others)
        from count in Gen.Int[2, 5]
        select order.Take(count).Select(p => (RoundEvent)new ModelArrived(new ContributionRef(p, round, Root('m')))).ToArray();

    private static readonly Gen<RoundEvent[]> Everybody =
        Gen.Shuffle(Others).Select(order => order.Select(p => (RoundEvent)new ParticipantJoined(p)).ToArray());

    /// <summary>A history: how often the executor acts before some events, the events, and the seconds before each.</summary>
    private static readonly Gen<(int Acts, RoundEvent[] Happened, double Seconds)[]> History =
        Gen.Select(
            Gen.Int[0, 3],
            Gen.Frequency((12, AnyEvent.Select(e => new[] { e })), (4, Burst), (1, Everybody)),
            Gen.Frequency((3, Gen.Const(0.0)), (1, Gen.Double[0, 30]))).Array[0, 60];

    [Fact]
    public void Whatever_happens_no_rule_of_the_rounds_is_broken()
    {
        Gen.Select(History, Gen.Bool.Select(all => all ? Heard.All : Heard.Quorum), Gen.Bool).Sample((history, heard, some) =>
        {
            var run = new Run(Options with { Heard = heard, Neighbourhood = some ? new Some() : null, EndsHopelessRounds = some });
            run.Play(history);
            run.DrainToTheEnd();
            Assert.Equal(RoundPhase.Finished, run.Machine.Phase);
            _ = Interlocked.Add(ref _mixings, run.Trace.Count(l => l.StartsWith("mix", StringComparison.Ordinal)));
            _ = Interlocked.Add(ref _jumps, run.Trace.Count(l => l.StartsWith("catch up", StringComparison.Ordinal)));
            _ = Interlocked.Add(ref _proofs, run.Trace.Count(l => l.StartsWith("equivocation", StringComparison.Ordinal)));
        });
        Assert.True(_mixings > 0 && _jumps > 0 && _proofs > 0, $"{_mixings} mixings, {_jumps} jumps, {_proofs} proofs");
    }

    [Fact]
    public void The_same_history_gives_the_same_trace() =>
        History.Sample(history =>
        {
            var first = new Run(Options);
            var second = new Run(Options);
            first.Play(history);
            second.Play(history);
            Assert.Equal(first.Trace, second.Trace);
        });

    [Fact]
    public void Telling_everything_twice_changes_nothing_but_timers() =>
        Reference(Others).Array[0, 40].Sample(references =>
        {
            var once = new Run(Options);
            var twice = new Run(Options);
            foreach (ContributionRef reference in references)
            {
                once.Tell(new ModelArrived(reference), 0);
                twice.Tell(new ModelArrived(reference), 0);
                twice.Tell(new ModelArrived(reference), 0);
            }

            Assert.Equal(once.Trace, twice.Trace);
        });

    [Fact]
    public void The_order_in_which_contributions_arrive_does_not_show_in_the_mixing() =>
        Gen.Shuffle(Others).Sample(order =>
        {
            var run = new Run(Options);
            foreach (Participant other in Others)
            {
                run.Tell(new ParticipantJoined(other), 0);
            }

            run.Execute();
            run.Execute();
            foreach (Participant other in order)
            {
                run.Tell(new ModelArrived(new ContributionRef(other, 1, Root('m'))), 0);
            }

            Assert.Equal("mix round 1 of a b c d e f", run.Trace[^1]);
        });

    private static Gen<ContributionRef> Reference(Participant[] whose) =>
        from index in Gen.Int[0, whose.Length - 1]
        from round in Gen.Int[-1, 8]
        from letter in Gen.Frequency((9, Gen.Const('m')), (1, Gen.Const('x')))
        select new ContributionRef(whose[index], round, Root(letter));

    private static ModelRoot Root(char letter)
    {
        byte[] hash = new byte[ModelRoot.Size];
        Array.Fill(hash, (byte)letter);
        return new ModelRoot(hash);
    }

    /// <summary>A machine with an executor that may be slow, and the checks on every effect.</summary>
    private sealed class Run
    {
        private readonly RoundOptions _options;
        private readonly Queue<RoundEvent> _answers = new();
        private readonly HashSet<ContributionRef> _arrived = [];
        private readonly HashSet<int> _mixed = [];
        private readonly HashSet<int> _recorded = [];
        private readonly Dictionary<int, ContributionRef> _announced = [];
        private readonly HashSet<(Participant, int)> _proven = [];
        private TimeSpan _now;
        private TimeSpan? _awaited;
        private int _lastRecorded;
        private int _lastTrained;

        public Run(RoundOptions options)
        {
            _options = options;
            Machine = new RoundMachine(Self, options);
            Tell(new Started(), 0);
        }

        public RoundMachine Machine { get; }

        public List<string> Trace { get; } = [];

        public void Play((int Acts, RoundEvent[] Happened, double Seconds)[] history)
        {
            foreach ((int acts, RoundEvent[] events, double seconds) in history)
            {
                for (int i = 0; i < acts; i++)
                {
                    Execute();
                }

                // Answers come from the executor only: an invented one for the phase under way would be a bug of the shell.
                foreach (RoundEvent happened in events.Where(e =>
                    e is not (LocalStepsFinished or Mixed or CaughtUp or CatchUpFailed) || IsStale(e)))
                {
                    Tell(happened, seconds);
                }
            }
        }

        public void Execute()
        {
            if (_answers.TryDequeue(out RoundEvent? answer))
            {
                Tell(answer, 0.1);
            }
        }

        public void DrainToTheEnd()
        {
            for (int i = 0; i < 200 && Machine.Phase != RoundPhase.Finished; i++)
            {
                Execute();
                Tell(new TimePassed(), _awaited is { } time && time > _now ? (time - _now).TotalSeconds : 0);
            }
        }

        public void Tell(RoundEvent happened, double seconds)
        {
            _now += TimeSpan.FromSeconds(seconds);
            if (happened is ModelArrived { Contribution: var reference })
            {
                _arrived.Add(reference);
            }

            int before = Machine.Round;
            foreach (RoundEffect effect in Machine.Step(happened, _now))
            {
                Check(effect);
                Trace.Add(effect.ToString()!);
            }

            Assert.True(Machine.Round >= before, $"round {Machine.Round} after {before}");
        }

        private bool IsStale(RoundEvent happened) => happened switch
        {
            LocalStepsFinished e => e.Round != Machine.Round,
            Mixed e => e.Round != Machine.Round,
            _ => Machine.Phase != RoundPhase.CatchingUp,
        };

        private void Check(RoundEffect effect)
        {
            switch (effect)
            {
                case TrainLocally train:
                    Assert.True(train.Round >= _lastTrained && train.Round <= _options.Rounds);
                    _lastTrained = train.Round;
                    _answers.Enqueue(new LocalStepsFinished(train.Round));
                    break;
                case Commit commit:
                    _answers.Enqueue(new Committed(new ContributionRef(Self, commit.Round, Root('m'))));
                    break;
                case Announce announce:
                    Assert.True(_announced.TryAdd(announce.Contribution.Round, announce.Contribution), "announced twice");
                    break;
                case AwaitUntil timer:
                    Assert.True(timer.Time >= _now, $"waits for {timer.Time} at {_now}");
                    _awaited = timer.Time;
                    break;
                case Fetch fetch:
                    Assert.NotEqual(Self, fetch.Contribution.Participant);
                    Assert.InRange(fetch.Contribution.Round, Machine.Round, _options.Rounds);
                    break;
                case Mix mix:
                    CheckMix(mix);
                    break;
                case CatchUp jump:
                    Assert.True(jump.Round >= Machine.Round + _options.CatchUpLag);
                    Assert.True(jump.Contributors.Count > _options.Faulty, $"{jump.Contributors.Count} contributors");
                    CheckContributors(jump.Contributors, jump.Round);
                    Assert.DoesNotContain(Self, jump.Contributors.Select(c => c.Participant));
                    _answers.Clear(); // the training under way is dropped
                    _answers.Enqueue(jump.Contributors.Count % 2 == 0 ? new CaughtUp(jump.Round) : new CatchUpFailed(jump.Round));
                    break;
                case RecordRound record:
                    Assert.True(_recorded.Add(record.Record.Round), "recorded twice");
                    Assert.True(record.Record.Round > _lastRecorded);
                    _lastRecorded = record.Record.Round;
                    break;
                case EquivocationProven proof:
                    Assert.Equal((proof.First.Participant, proof.First.Round), (proof.Second.Participant, proof.Second.Round));
                    Assert.NotEqual(proof.First.Root, proof.Second.Root);
                    _proven.Add((proof.First.Participant, proof.First.Round));
                    break;
            }
        }

        private void CheckMix(Mix mix)
        {
            Assert.True(_mixed.Add(mix.Round), "mixed twice");
            Assert.True(mix.Contributors.Count >= _options.MinCandidates);
            Assert.Contains(_announced[mix.Round], mix.Contributors);
            CheckContributors([.. mix.Contributors.Where(c => c.Participant != Self)], mix.Round);
            _answers.Enqueue(new Mixed(mix.Round, new MixOutcome([])));
        }

        private void CheckContributors(IReadOnlyList<ContributionRef> contributors, int round)
        {
            Assert.Equal(contributors.OrderBy(c => c.Participant), contributors);
            Assert.Equal(contributors.Count, contributors.Select(c => c.Participant).Distinct().Count());
            Assert.All(contributors, c => Assert.Contains(c, _arrived));
            Assert.All(contributors, c => Assert.Equal(round, c.Round));
            Assert.All(contributors, c => Assert.DoesNotContain((c.Participant, c.Round), _proven));
            if (_options.Neighbourhood is Some some)
            {
                Assert.All(contributors, c => Assert.True(some.Last[round]?.Contains(c.Participant) ?? true, $"{c} is not heard in round {round}"));
            }
        }
    }

    /// <summary>Three of the others, other ones in each round; remembers what it said last, which the machine goes by.</summary>
    private sealed class Some : INeighbourhood
    {
        public Dictionary<int, IReadOnlySet<Participant>?> Last { get; } = [];

        public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants)
        {
            Assert.Equal(participants.Order(), participants);
            Assert.Contains(Self, participants);
            Participant[] others = [.. participants.Where(p => p != Self)];
            return Last[round] = others.Length <= 3 ? null : Enumerable.Range(round, 3).Select(i => others[i % others.Length]).ToHashSet();
        }
    }
}
