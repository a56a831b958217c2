using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

/// <summary>Rounds in which not everybody is heard, and attackers that do not speak in time.</summary>
public sealed class NeighbourhoodTests
{
    private static readonly Participant A = new("a");
    private static readonly Participant B = new("b");
    private static readonly Participant C = new("c");
    private static readonly Participant D = new("d");

    [Fact]
    public void Only_neighbours_are_waited_for_and_mixed()
    {
        RoundMachine machine = Started(new RoundOptions { Rounds = 3, Neighbourhood = new Odd() });
        machine.Step(new ModelArrived(Of(C, 1)), TimeSpan.Zero);
        Assert.DoesNotContain(CommitRound(machine, 1), e => e is Mix);
        Mix mix = Assert.Single(machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.Zero).OfType<Mix>());
        Assert.Equal([A, B], mix.Contributors.Select(c => c.Participant));

        // In the second round it is c and d, and c is a round ahead already.
        machine.Step(new ModelArrived(Of(C, 2)), TimeSpan.Zero);
        machine.Step(new Mixed(1, new MixOutcome([])), TimeSpan.Zero);
        machine.Step(new ModelArrived(Of(B, 2)), TimeSpan.Zero);
        Assert.DoesNotContain(CommitRound(machine, 2), e => e is Mix);
        mix = Assert.Single(machine.Step(new ModelArrived(Of(D, 2)), TimeSpan.Zero).OfType<Mix>());
        Assert.Equal([A, C, D], mix.Contributors.Select(c => c.Participant));
    }

    [Fact]
    public void With_too_few_neighbours_for_the_rule_the_round_ends_at_once_without_mixing()
    {
        RoundMachine machine = Started(new RoundOptions { Rounds = 3, MinCandidates = 3, Neighbourhood = new Odd() });
        machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.Zero);
        RoundRecord record = Assert.Single(CommitRound(machine, 1).OfType<RecordRound>()).Record;
        Assert.Equal(RoundOutcome.NoQuorum, record.Outcome);
        Assert.Equal(2, machine.Round);
    }

    [Fact]
    public void Models_of_others_are_neither_wanted_nor_fetched()
    {
        RoundMachine machine = Started(new RoundOptions { Rounds = 9, Neighbourhood = new Odd() });
        Assert.True(machine.Wants(Of(B, 1)));
        Assert.False(machine.Wants(Of(C, 1)));
        Assert.False(machine.Wants(Of(B, 2)));
        Assert.True(machine.Wants(Of(C, 2)));
        foreach (ContributionRef head in new[] { Of(B, 1), Of(C, 1), Of(D, 1), Of(B, 2), Of(C, 2) })
        {
            machine.Step(new HeadKnown(head), TimeSpan.Zero);
        }

        Assert.Equal([new Fetch(Of(B, 1)), new Fetch(Of(C, 2))], machine.Step(new TimePassed(), TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_newcomer_counts_from_the_next_round_and_who_has_left_is_missing()
    {
        // Everybody else but the last in the order of names.
        RoundMachine machine = Started(new RoundOptions { Rounds = 3, Neighbourhood = new AllButLast() });
        machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.Zero);
        CommitRound(machine, 1); // collects from b and c
        var late = new Participant("ab");
        machine.Step(new ParticipantJoined(late), TimeSpan.Zero);
        Assert.False(machine.Wants(Of(late, 1)));
        Assert.True(machine.Wants(Of(late, 2)));
        machine.Step(new ModelArrived(Of(late, 1)), TimeSpan.Zero);
        Mix mix = Assert.Single(machine.Step(new ParticipantLeft(C), TimeSpan.Zero).OfType<Mix>());
        Assert.Equal([A, B], mix.Contributors.Select(c => c.Participant));

        machine.Step(new Mixed(1, new MixOutcome([])), TimeSpan.Zero);
        machine.Step(new ModelArrived(Of(late, 2)), TimeSpan.Zero);
        Assert.DoesNotContain(CommitRound(machine, 2), e => e is Mix); // of a, ab, b, d
        mix = Assert.Single(machine.Step(new ModelArrived(Of(B, 2)), TimeSpan.Zero).OfType<Mix>());
        Assert.Equal([A, late, B], mix.Contributors.Select(c => c.Participant));
    }

    [Fact]
    public void Where_everybody_is_to_be_mixed_a_small_membership_is_waited_for_and_a_newcomer_counts_at_once()
    {
        var machine = new RoundMachine(A, new RoundOptions { Rounds = 3, MinCandidates = 3, Neighbourhood = new AllButLast() });
        machine.Step(new Started(), TimeSpan.Zero);
        Assert.DoesNotContain(CommitRound(machine, 1), e => e is RecordRound); // alone, and not in a hurry
        machine.Step(new ParticipantJoined(B), TimeSpan.Zero);
        machine.Step(new ParticipantJoined(C), TimeSpan.Zero);
        machine.Step(new ModelArrived(Of(C, 1)), TimeSpan.Zero);
        Mix mix = Assert.Single(machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.Zero).OfType<Mix>());
        Assert.Equal([A, B, C], mix.Contributors.Select(c => c.Participant));
    }

    [Fact]
    public void One_far_behind_catches_up_by_the_word_of_a_quorum_of_those_it_would_hear_there()
    {
        RoundMachine machine = Started(new RoundOptions { Rounds = 20, Faulty = 1, Neighbourhood = new Odd() });

        // c and d are heard in round 8; b is ahead too, but not heard there, and one alone could lie.
        Assert.False(machine.Wants(Of(B, 8)));
        machine.Step(new ModelArrived(Of(B, 8)), TimeSpan.Zero);
        Assert.Empty(machine.Step(new ModelArrived(Of(C, 8)), TimeSpan.Zero));
        Assert.True(machine.Wants(Of(D, 8)));
        CatchUp jump = Assert.Single(machine.Step(new ModelArrived(Of(D, 8)), TimeSpan.Zero).OfType<CatchUp>());
        Assert.Equal((8, "c d"), (jump.Round, string.Join(' ', jump.Contributors.Select(c => c.Participant))));
        RoundRecord record = Assert.Single(machine.Step(new CaughtUp(8), TimeSpan.Zero).OfType<RecordRound>()).Record;
        Assert.Equal([A, C, D], record.Expected);
        Assert.Equal(9, machine.Round);
    }

    [Fact]
    public void Models_of_a_round_far_ahead_are_fetched_once_enough_neighbours_have_spoken_in_it()
    {
        RoundMachine machine = Started(new RoundOptions { Rounds = 20, Faulty = 1, Neighbourhood = new Odd() });
        machine.Step(new HeadKnown(Of(B, 8)), TimeSpan.Zero);
        machine.Step(new HeadKnown(Of(C, 8)), TimeSpan.Zero);
        Assert.Empty(machine.Step(new TimePassed(), TimeSpan.FromSeconds(1)).OfType<Fetch>());
        Assert.Equal([new Fetch(Of(C, 8))], machine.Step(new HeadKnown(Of(D, 8)), TimeSpan.FromSeconds(1)).OfType<Fetch>());
        Assert.Equal([new Fetch(Of(D, 8))], machine.Step(new TimePassed(), TimeSpan.FromSeconds(2)).OfType<Fetch>());
    }

    [Fact]
    public void A_round_ends_at_its_deadline_without_a_quorum_when_those_waited_for_are_absent_or_past_it()
    {
        var options = new RoundOptions { Rounds = 20, MinCandidates = 3, Faulty = 1, EndsHopelessRounds = true, Neighbourhood = new Always(B, C, D) };
        RoundMachine machine = Started(options);
        RoundOutcome Outcome(IReadOnlyList<RoundEffect> effects) => Assert.Single(effects.OfType<RecordRound>()).Record.Outcome;

        // c and d say nothing: twice the whole wait.
        for (int round = 1; round <= 2; round++)
        {
            TimeSpan begin = options.QuorumTimeout * (round - 1);
            CommitRound(machine, round);
            machine.Step(new ModelArrived(Of(B, round)), begin);
            Assert.Empty(machine.Step(new TimePassed(), begin + options.MaxDeadline).OfType<RecordRound>());
            Assert.Equal(RoundOutcome.NoQuorum, Outcome(machine.Step(new TimePassed(), begin + options.QuorumTimeout)));
        }

        // Then they are absent. b is in this round, and d comes back one round after it.
        CommitRound(machine, 3);
        machine.Step(new ModelArrived(Of(D, 4)), TimeSpan.Zero);
        TimeSpan start = options.QuorumTimeout * 2;
        Assert.Empty(machine.Step(new TimePassed(), start + options.MaxDeadline).OfType<RecordRound>());
        Assert.Empty(machine.Step(new HeadKnown(Of(B, 3)), start + options.MaxDeadline).OfType<RecordRound>()); // its model is on its way
        Assert.Equal(RoundOutcome.NoQuorum, Outcome(machine.Step(new ModelArrived(Of(B, 3)), start + options.MaxDeadline)));
        Assert.Equal(4, machine.Round);
    }

    [Fact]
    public void A_restarted_node_goes_on_without_as_many_as_may_be_gone_of_all_members()
    {
        var machine = new RoundMachine(A, new RoundOptions { Rounds = 3, GatherCount = 4, Faulty = 1, FaultyMembers = 2, Neighbourhood = new Odd() });
        machine.Step(new Started(2), TimeSpan.Zero);
        Assert.Equal([new TrainLocally(2, 20)], machine.Step(new ParticipantJoined(B), TimeSpan.Zero));
    }

    [Fact]
    public void A_silent_attacker_goes_through_the_rounds_and_ends()
    {
        var machine = new ByzantineRoundMachine(A, [], new ByzantineRoundOptions { Rounds = 2, Silent = true });
        var effects = new List<RoundEffect>();
        effects.AddRange(machine.Step(new ParticipantJoined(B), TimeSpan.Zero));
        effects.AddRange(machine.Step(new Started(), TimeSpan.Zero));
        effects.AddRange(machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.FromSeconds(1)));
        Assert.Equal(2, machine.Round);
        effects.AddRange(machine.Step(new ModelArrived(Of(B, 2)), TimeSpan.FromSeconds(2)));
        Assert.Equal([new Finished(2)], effects);
    }

    [Fact]
    public void A_late_attacker_keeps_its_contribution_back_while_it_goes_on()
    {
        var machine = new ByzantineRoundMachine(
            A, [], new ByzantineRoundOptions { Rounds = 2, SendAfter = TimeSpan.FromSeconds(3) });
        machine.Step(new ParticipantJoined(B), TimeSpan.Zero);
        machine.Step(new Started(), TimeSpan.Zero);
        Assert.Equal([new Forge(1, [Of(B, 1)])], machine.Step(new ModelArrived(Of(B, 1)), TimeSpan.FromSeconds(1)), Same);
        Assert.Equal([new AwaitUntil(TimeSpan.FromSeconds(4))], machine.Step(new Committed(Of(A, 1)), TimeSpan.FromSeconds(1)));
        Assert.Equal([new Forge(2, [Of(B, 2)])], machine.Step(new ModelArrived(Of(B, 2)), TimeSpan.FromSeconds(2)), Same);
        Assert.Equal([new Finished(2)], machine.Step(new Committed(Of(A, 2)), TimeSpan.FromSeconds(2)));
        Assert.Equal(
            [new Announce(Of(A, 1)), new AwaitUntil(TimeSpan.FromSeconds(5))], machine.Step(new TimePassed(), TimeSpan.FromSeconds(4)));
        Assert.Equal([new Announce(Of(A, 2))], machine.Step(new TimePassed(), TimeSpan.FromSeconds(5)));
    }

    private static RoundMachine Started(RoundOptions options)
    {
        var machine = new RoundMachine(A, options);
        foreach (Participant other in new[] { B, C, D })
        {
            machine.Step(new ParticipantJoined(other), TimeSpan.Zero);
        }

        machine.Step(new Started(), TimeSpan.Zero);
        return machine;
    }

    private static IReadOnlyList<RoundEffect> CommitRound(RoundMachine machine, int round)
    {
        machine.Step(new LocalStepsFinished(round), TimeSpan.Zero);
        return machine.Step(new Committed(Of(A, round)), TimeSpan.Zero);
    }

    private static ContributionRef Of(Participant participant, int round) =>
        new(participant, round, ModelRoot.OfModel([participant.Id[0], round]));

    private static bool Same(RoundEffect expected, RoundEffect actual) => expected.ToString() == actual.ToString();

    // Nobody is left out of two.
    private sealed class AllButLast : INeighbourhood
    {
        public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants) =>
            participants.Count <= 3 ? null : participants.SkipLast(1).Where(p => p != A).ToHashSet();
    }

    private sealed class Always(params Participant[] sources) : INeighbourhood
    {
        public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants) => sources.ToHashSet();
    }

    // b in odd rounds, c and d in even ones.
    private sealed class Odd : INeighbourhood
    {
        public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants) =>
            round % 2 != 0 ? new HashSet<Participant> { B } : new HashSet<Participant> { C, D };
    }
}
