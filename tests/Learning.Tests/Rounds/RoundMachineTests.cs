using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

public sealed class RoundMachineTests
{
    private static readonly Participant Self = new("a");

    public static TheoryData<RoundOptions> BadOptions { get; } =
    [
        new RoundOptions { Rounds = 0 },
        new RoundOptions { LocalSteps = 0 },
        new RoundOptions { MixingRounds = 0 },
        new RoundOptions { Faulty = -1 },
        new RoundOptions { Faulty = 2, FaultyMembers = 1 },
        new RoundOptions { MinCandidates = 0 },
        new RoundOptions { MinDeadline = TimeSpan.FromSeconds(-1) },
        new RoundOptions { MaxDeadline = TimeSpan.FromSeconds(1) },
        new RoundOptions { QuorumTimeout = TimeSpan.FromSeconds(19) },
        new RoundOptions { DeadlineSpread = double.NaN },
        new RoundOptions { DelayWindow = 3 },
        new RoundOptions { MissedRoundsUntilAbsent = 0 },
        new RoundOptions { AheadWindow = 0 },
        new RoundOptions { CatchUpLag = 1 },
        new RoundOptions { MaxRoundsPerParticipant = 7 },
        new RoundOptions { MaxStrangers = -1 },
        new RoundOptions { FetchAfter = TimeSpan.FromTicks(-1) },
        new RoundOptions { GatherCount = 0 },
        new RoundOptions { GatherTimeout = TimeSpan.FromTicks(-1) },
    ];

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void An_option_out_of_range_is_refused_in_one_line(RoundOptions options)
    {
        string message = Assert.Throws<ArgumentException>(() => new RoundMachine(Self, options)).Message;
        Assert.Matches("^[A-Za-z]+ is .+, but must be .+$", message);
    }

    [Fact]
    public void It_is_started_once()
    {
        var machine = new RoundMachine(Self, new RoundOptions());
        machine.Step(new Started(), TimeSpan.Zero);
        Assert.Throws<InvalidOperationException>(() => machine.Step(new Started(), TimeSpan.Zero));
    }

    [Fact]
    public void A_run_that_was_over_before_the_restart_is_over_at_once()
    {
        var machine = new RoundMachine(Self, new RoundOptions { Rounds = 3 });
        Assert.Equal([new Finished(3)], machine.Step(new Started(4), TimeSpan.Zero));
    }

    [Fact]
    public void Time_does_not_run_backwards()
    {
        var machine = new RoundMachine(Self, new RoundOptions { GatherCount = 2 });
        machine.Step(new Started(), TimeSpan.FromMinutes(5));
        machine.Step(new TimePassed(), TimeSpan.FromMinutes(1));
        Assert.Equal(RoundPhase.Gathering, machine.Phase);
        Assert.Equal([new TrainLocally(1, 20)], machine.Step(new TimePassed(), TimeSpan.FromMinutes(7)));
    }

    [Fact]
    public void What_one_participant_signs_for_far_rounds_is_bounded()
    {
        var options = new RoundOptions { Rounds = 1_000_000 };
        var roster = new Roster(options);
        var loud = new Participant("loud");
        for (int round = 1; round <= 10_000; round++)
        {
            roster.Note(new ContributionRef(loud, round, default), ContributionState.HeadKnown, 1, TimeSpan.Zero, out _);
        }

        int[] kept = [.. roster.Find(loud)!.Contributions.Keys];
        Assert.Equal(options.MaxRoundsPerParticipant, kept.Length);
        Assert.Equal([1, 2, 3, 4, 5], kept.Take(5));
        Assert.Equal(10_000, kept[^1]);
    }

    [Fact]
    public void Names_that_are_no_participants_are_bounded_and_forgotten()
    {
        var roster = new Roster(new RoundOptions { Rounds = 100, MaxStrangers = 10 });
        roster.Join(Self);
        for (int i = 0; i < 100; i++)
        {
            roster.Note(new ContributionRef(new Participant($"s{i}"), 1, default), ContributionState.HeadKnown, 1, TimeSpan.Zero, out _);
        }

        Assert.Equal(11, roster.Peers.Count());
        Assert.Equal(1, roster.ParticipantCount);
        roster.Prune(50);
        Assert.Equal([Self], roster.Peers.Select(p => p.Participant));
        Assert.Equal(1, roster.ParticipantCount);
    }

    [Fact]
    public void Models_are_wanted_from_the_round_under_way_on()
    {
        var machine = new RoundMachine(Self, new RoundOptions { Rounds = 5 });
        machine.Step(new ParticipantJoined(new Participant("b")), TimeSpan.Zero);
        machine.Step(new Started(2), TimeSpan.Zero);
        var reference = new ContributionRef(new Participant("b"), 3, ModelRoot.OfModel([1f]));
        Assert.True(machine.Wants(reference));
        Assert.False(machine.Wants(reference with { Round = 1 }));
        Assert.False(machine.Wants(reference with { Round = 6 }));
        machine.Step(new HeadKnown(reference), TimeSpan.Zero);
        Assert.True(machine.Wants(reference));
        Assert.False(machine.Wants(reference with { Root = default }));
        machine.Step(new ModelRefused(reference), TimeSpan.Zero);
        Assert.False(machine.Wants(reference));
    }

    [Fact]
    public void A_foreign_contribution_is_not_committed_as_ones_own()
    {
        var machine = new RoundMachine(Self, new RoundOptions());
        machine.Step(new Started(), TimeSpan.Zero);
        machine.Step(new LocalStepsFinished(1), TimeSpan.Zero);
        var foreign = new ContributionRef(new Participant("b"), 1, default);
        Assert.Throws<ArgumentException>(() => machine.Step(new Committed(foreign), TimeSpan.Zero));
    }

    [Fact]
    public void The_outcome_names_what_the_rule_did()
    {
        var trace = new AggregationTrace();
        float[][] vectors = [[0], [1], [float.NaN]];
        float[] result = new float[1];
        new Nna(1).TryAggregate(vectors[0], [.. vectors.Select(v => new ReadOnlyMemory<float>(v))], result, trace);
        ContributionRef[] contributors = [.. "abc".Select(c => new ContributionRef(new Participant($"{c}"), 1, default))];
        MixOutcome outcome = MixOutcome.FromTrace(contributors, trace);
        Assert.Equal([true, true, false], outcome.Contributors.Select(c => c.Kept));
        Assert.Equal(float.PositiveInfinity, outcome.Contributors[2].Distance);
        Assert.Throws<ArgumentOutOfRangeException>(() => MixOutcome.FromTrace(contributors[..2], trace));
    }

    [Fact]
    public void The_deadline_follows_the_delays_within_its_bounds()
    {
        var delays = new ArrivalDelays(new RoundOptions { DeadlineSpread = 6 });
        Assert.Equal(TimeSpan.FromSeconds(20), delays.Deadline());
        foreach (int seconds in new[] { 5, 5, 6, 6, 7, 1000 })
        {
            delays.Add(TimeSpan.FromSeconds(seconds));
        }

        // Median 6, deviations 1 1 0 0 1 54: their median is 1.
        Assert.Equal(TimeSpan.FromSeconds(12), delays.Deadline());
        for (int i = 0; i < 128; i++)
        {
            delays.Add(TimeSpan.FromSeconds(-1));
        }

        Assert.Equal(TimeSpan.FromSeconds(2), delays.Deadline());
        for (int i = 0; i < 128; i++)
        {
            delays.Add(TimeSpan.FromHours(1));
        }

        Assert.Equal(TimeSpan.FromSeconds(20), delays.Deadline());
    }

    [Fact]
    public void A_root_keeps_its_bytes()
    {
        byte[] hash = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];
        var root = new ModelRoot(hash);
        byte[] back = new byte[32];
        root.CopyTo(back);
        Assert.Equal(hash, back);
        Assert.Equal(Convert.ToHexStringLower(hash), root.ToString());
        Assert.Equal(root, new ModelRoot(back));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelRoot(hash.AsSpan(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.CopyTo(back.AsSpan(1)));

        // SHA-256 of the four bytes 00 00 80 3f, the float 1.
        byte[] expected = System.Security.Cryptography.SHA256.HashData([0x00, 0x00, 0x80, 0x3f]);
        Assert.Equal(new ModelRoot(expected), ModelRoot.OfModel([1f]));
    }
}
