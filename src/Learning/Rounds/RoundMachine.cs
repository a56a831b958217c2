using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Rounds;

/// <summary>The rounds of a node that follows the protocol.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), algorithm 1, with H local steps before a mixing (<see cref="RoundPlan"/>), an adaptive deadline instead
/// of "the first n − f", and contributions that are named by hash and signed, so that sending different models to different nodes is provable.
/// What always holds: one <see cref="Mix"/> a round at most; rounds only grow; no mixing of fewer than the rule's minimum; nobody is mixed
/// whose bytes have not passed the checks, or who signed two models for the round; with time passing and its effects carried out, it ends.
/// <code>
/// Idle ─Started─▶ Gathering ─enough there─▶ Training ─▶ Committing ─▶ Collecting ─▶ Mixing ─▶ Training of the next round … Finished
///                                             ▲                           │ too few for the rule: the half-step model is kept
///                                             └───────────────────────────┘
/// Gathering, Training, Collecting ─others far ahead─▶ CatchingUp ─▶ Training of the round after theirs
/// </code>
/// </remarks>
public sealed class RoundMachine : IRoundMachine
{
    private readonly Participant _self;
    private readonly RoundOptions _options;
    private readonly Roster _roster;
    private readonly RoundSources _sources;
    private readonly ArrivalDelays _delays;

    /// <summary>Whom the round under way waits for, oneself included; meaningful while collecting.</summary>
    private readonly SortedSet<Participant> _expected = [];

    /// <summary>When waiting began in this round and the <see cref="Roster.PastRounds"/> before, to know how late the late ones are.</summary>
    private readonly SortedDictionary<int, TimeSpan> _collectedFrom = [];

    /// <summary>Contributions for earlier rounds since the last record; at most one for each participant and past round.</summary>
    private readonly List<Arrival> _late = [];

    private List<RoundEffect> _effects = [];
    private TimeSpan _now;
    private TimeSpan _startedAt;
    private TimeSpan _committedAt;
    private TimeSpan _deadlineAt;
    private TimeSpan? _awaited;

    /// <summary>One's own contribution of the round under way; null until committed. While gathering the one of an earlier life.</summary>
    private ContributionRef? _own;

    /// <summary>The record of a round that waits for its mixing.</summary>
    private RoundRecord? _pending;

    /// <summary>The jump under way; null unless catching up.</summary>
    private CatchUp? _jump;

    /// <summary>The round of the last failed jump: only later ones are tried. 0 when none failed since the last that did not.</summary>
    private int _jumpBeyond;

    /// <summary>Makes a machine; nothing happens before <see cref="Started"/>.</summary>
    /// <param name="self">This node.</param>
    /// <param name="options">Checked here.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public RoundMachine(Participant self, RoundOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _self = self;
        _options = options;
        _roster = new Roster(options);
        _sources = new RoundSources(options.Neighbourhood, _roster);
        _delays = new ArrivalDelays(options);
        _roster.Join(self);
    }

    /// <inheritdoc/>
    public int Round { get; private set; } = 1;

    /// <inheritdoc/>
    public RoundPhase Phase { get; private set; }

    private bool IsResumed => Round > 1 || _own is not null;

    /// <summary>A run that goes on does so without the f that may be gone for good; a fresh one waits for all.</summary>
    private int GatherCount => IsResumed ? Math.Max(_options.GatherCount - (_options.FaultyMembers ?? _options.Faulty), 1) : _options.GatherCount;

    private TimeSpan GatherEnd => _startedAt + (IsResumed ? _options.QuorumTimeout : _options.GatherTimeout);

    /// <inheritdoc/>
    public IReadOnlyList<RoundEffect> Step(RoundEvent happened, TimeSpan now)
    {
        _now = now > _now ? now : _now;
        _effects = [];
        Handle(happened);
        if (Phase is not (RoundPhase.Idle or RoundPhase.Finished))
        {
            Settle();
        }

        return _effects;
    }

    /// <inheritdoc/>
    public bool Wants(ContributionRef contribution)
    {
        if (Phase == RoundPhase.Finished || contribution.Round < Round || contribution.Round > _options.Rounds
            || !IsNeighbour(contribution.Round, contribution.Participant))
        {
            return false;
        }

        return _roster.Find(contribution.Participant) is not { } peer
            || !peer.Contributions.TryGetValue(contribution.Round, out Contribution? known)
            || (known.Reference == contribution && known.State is ContributionState.HeadKnown or ContributionState.Arrived);
    }

    private void Handle(RoundEvent happened)
    {
        switch (happened)
        {
            case Started started:
                OnStarted(started);
                break;
            case ParticipantJoined joined:
                OnJoined(joined.Participant);
                break;
            case ParticipantLeft left when left.Participant != _self:
                _roster.Leave(left.Participant, Round);
                _sources.NoteMembership();
                _expected.Remove(left.Participant);
                break;
            case LocalStepsFinished finished when Phase == RoundPhase.Training && finished.Round == Round:
                OnLocalStepsFinished();
                break;
            case Committed committed when Phase == RoundPhase.Committing && committed.Contribution.Round == Round:
                OnCommitted(committed.Contribution);
                break;
            case HeadKnown head:
                OnContribution(head.Contribution, ContributionState.HeadKnown);
                break;
            case ModelArrived arrived:
                OnContribution(arrived.Contribution, ContributionState.Arrived);
                break;
            case ModelRefused refused:
                OnContribution(refused.Contribution, ContributionState.Refused);
                break;
            case FetchFailed failed:
                _roster.NoteFetchFailed(failed.Contribution, _now);
                break;
            case Mixed mixed when Phase == RoundPhase.Mixing && mixed.Round == Round:
                EndRound(mixed.Outcome is null ? _pending! with { Outcome = RoundOutcome.NoQuorum } : _pending! with { Mix = mixed.Outcome });
                break;
            case CaughtUp caughtUp when Phase == RoundPhase.CatchingUp && caughtUp.Round == _jump!.Round:
                OnCaughtUp(_jump);
                break;
            case CatchUpFailed failed when Phase == RoundPhase.CatchingUp && failed.Round == _jump!.Round:
                OnCatchUpFailed(_jump);
                break;
        }
    }

    private void OnStarted(Started started)
    {
        if (Phase != RoundPhase.Idle)
        {
            throw new InvalidOperationException("a round machine is started once");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(started.Round, 1, nameof(started));
        ArgumentOutOfRangeException.ThrowIfNotEqual(started.Committed?.Round ?? started.Round, started.Round, nameof(started));
        Round = started.Round;
        Phase = RoundPhase.Gathering;
        _startedAt = _now;
        _own = started.Committed;
        if (Round > _options.Rounds)
        {
            Finish(_options.Rounds);
        }
    }

    // One who joins while there is no quorum is waited for: right after a start the membership may still be growing.
    private void OnJoined(Participant participant)
    {
        _roster.Join(participant);
        _sources.NoteMembership();
        if (Phase == RoundPhase.Collecting && IsNeighbour(Round, participant) && 1 + ArrivedOthers(Round).Count() < QuorumOf(Round, _expected.Count))
        {
            _expected.Add(participant);
        }
    }

    private void EndGathering()
    {
        if (_own is { } own)
        {
            OnCommitted(own);
        }
        else
        {
            BeginRound(Round);
        }
    }

    private void OnLocalStepsFinished()
    {
        // A head of one's own that this life has not made: committing another would be equivocation.
        if (_roster.Find(_self)!.Contributions.ContainsKey(Round))
        {
            SitOut();
            return;
        }

        Phase = RoundPhase.Committing;
        _effects.Add(new Commit(Round));
    }

    private void OnCommitted(ContributionRef own)
    {
        if (own.Participant != _self)
        {
            throw new ArgumentException($"{own} is not of this node, {_self}");
        }

        Noted noted = _roster.Note(own, ContributionState.Arrived, Round, _now, out Contribution? known);
        if (noted == Noted.Equivocation || known!.State == ContributionState.Equivocated)
        {
            SitOut(); // it was not announced, so nobody but us knows of it
            return;
        }

        _own = own;
        _effects.Add(new Announce(own));
        BeginCollecting();
    }

    private void BeginCollecting()
    {
        Phase = RoundPhase.Collecting;
        _committedAt = _now;
        _collectedFrom[Round] = _now;
        _deadlineAt = _now + _delays.Deadline();
        _sources.Fix(Round);
        _expected.Clear();
        _expected.UnionWith(_roster.Participants.Select(p => p.Participant).Where(p => IsNeighbour(Round, p)));
        foreach (Arrival _ in ArrivedOthers(Round))
        {
            _delays.Add(TimeSpan.Zero);
        }
    }

    private void OnContribution(ContributionRef reference, ContributionState state)
    {
        if (reference.Round < 1 || reference.Round > _options.Rounds || Phase == RoundPhase.Finished)
        {
            return;
        }

        switch (_roster.Note(reference, state, Round, _now, out Contribution? known))
        {
            case Noted.Equivocation:
                _effects.Add(new EquivocationProven(known!.Reference, reference));
                break;
            case Noted.Advanced when state == ContributionState.Arrived && reference.Participant != _self:
                OnArrival(known!);
                break;
        }
    }

    private void OnArrival(Contribution contribution)
    {
        int round = contribution.Reference.Round;
        Peer peer = _roster.Find(contribution.Reference.Participant)!;
        if (!peer.IsParticipant)
        {
            return;
        }

        bool late = round < Round || (round == Round && Phase == RoundPhase.Mixing);
        peer.MissedInRow = late ? peer.MissedInRow : 0;

        if (_collectedFrom.TryGetValue(round, out TimeSpan since))
        {
            _delays.Add(_now - since);
            if (late)
            {
                _late.Add(new Arrival(contribution.Reference, _now - since));
            }
        }
    }

    /// <summary>Does what has become due or possible.</summary>
    private void Settle()
    {
        if (Phase is RoundPhase.Gathering or RoundPhase.Training or RoundPhase.Collecting)
        {
            TryCatchUp();
        }

        if (Phase == RoundPhase.Gathering && (_roster.ParticipantCount >= GatherCount || _now >= GatherEnd))
        {
            EndGathering();
        }

        if (Phase == RoundPhase.Collecting)
        {
            TryConclude();
        }

        List<ContributionRef> due = _roster.TakeDueFetches(_now, IsFetchWanted, out TimeSpan? nextFetch);
        _effects.AddRange(due.Select(reference => new Fetch(reference)));
        Await(nextFetch);
    }

    private void TryConclude()
    {
        Peer[] outstanding = [.. _expected.Select(p => _roster.Find(p)!).Where(IsOutstanding)];
        int arrived = 1 + ArrivedOthers(Round).Count();
        bool quorum = arrived >= QuorumOf(Round, _expected.Count);
        bool waited = outstanding.All(p => p.MissedInRow >= _options.MissedRoundsUntilAbsent);
        bool everybody = outstanding.Length == 0 && _expected.Count >= FewestOf(Round, _expected.Count);
        bool inVain = _options.EndsHopelessRounds && _now >= _deadlineAt && _sources.Of(Round) is not null && outstanding.All(IsLost);
        if (everybody || inVain
            || (quorum && (waited || _options.Heard == Heard.Quorum || _now >= _deadlineAt))
            || _now >= _committedAt + _options.QuorumTimeout)
        {
            Conclude(outstanding, quorum);
        }
    }

    private bool IsOutstanding(Peer peer) =>
        peer.Participant != _self
        && (!peer.Contributions.TryGetValue(Round, out Contribution? known) || known.State == ContributionState.HeadKnown);

    // Who has spoken in a later round, and not in this one, has jumped over it.
    private bool IsLost(Peer peer) =>
        peer.MissedInRow >= _options.MissedRoundsUntilAbsent
        || (!peer.Contributions.ContainsKey(Round) && peer.Contributions.Count > 0 && peer.Contributions.Last().Key > Round);

    private void Conclude(Peer[] outstanding, bool quorum)
    {
        foreach (Peer peer in outstanding)
        {
            peer.MissedInRow++;
        }

        Arrival[] arrived = [.. ArrivedOthers(Round).Append(new Arrival(_own!.Value, TimeSpan.Zero)).OrderBy(a => a.Contribution.Participant)];
        RoundRecord record = NewRecord(Round, RoundOutcome.NoQuorum) with
        {
            Expected = [.. _expected],
            Arrived = arrived,
            Missing = [.. outstanding.Select(p => p.Participant)],
            Refused = [.. InState(ContributionState.Refused)],
            Equivocated = [.. InState(ContributionState.Equivocated)],
        };
        if (arrived.Length < _options.MinCandidates)
        {
            EndRound(record);
            return;
        }

        Phase = RoundPhase.Mixing;
        _pending = record with { Outcome = quorum ? RoundOutcome.Mixed : RoundOutcome.BelowQuorum };
        _effects.Add(new Mix(Round, [.. arrived.Select(a => a.Contribution)]));
    }

    private void EndRound(RoundRecord record)
    {
        _effects.Add(new RecordRound(record with { EndedAt = _now, Late = [.. _late] }));
        _late.Clear();
        _pending = null;
        if (record.Round >= _options.Rounds)
        {
            Finish(record.Round);
        }
        else
        {
            BeginRound(record.Round + 1);
        }
    }

    private void SitOut() => EndRound(NewRecord(Round, RoundOutcome.SatOut));

    private void BeginRound(int round)
    {
        Round = round;
        Phase = RoundPhase.Training;
        _own = null;
        _startedAt = _now;
        _committedAt = _now;
        _roster.Prune(round);
        while (_collectedFrom.Count > 0 && _collectedFrom.First().Key < round - Roster.PastRounds)
        {
            _collectedFrom.Remove(_collectedFrom.First().Key);
        }

        _effects.Add(new TrainLocally(round, _options.Plan.StepsIn(round)));
        TryCatchUp();
    }

    private void Finish(int lastRound)
    {
        Round = lastRound;
        Phase = RoundPhase.Finished;
        _effects.Add(new Finished(lastRound));
    }

    private void TryCatchUp()
    {
        if (_roster.NewestRound < Round + _options.CatchUpLag)
        {
            return;
        }

        foreach (int round in RoundsFarAhead().Reverse())
        {
            ContributionRef[] contributors = [.. ArrivedOthers(round).Select(a => a.Contribution)];
            if (contributors.Length >= ContributorsToCatchUp(round))
            {
                Phase = RoundPhase.CatchingUp;
                _jump = new CatchUp(round, contributors);
                _effects.Add(_jump);
                return;
            }
        }
    }

    private void OnCaughtUp(CatchUp jump)
    {
        _jump = null;
        _own = null;
        _jumpBeyond = 0;
        EndRound(NewRecord(jump.Round, RoundOutcome.CaughtUp) with
        {
            Expected = [.. _roster.Participants.Select(p => p.Participant).Where(p => IsNeighbour(jump.Round, p))],
            Arrived = [.. jump.Contributors.Select(c => new Arrival(c, TimeSpan.Zero))],
        });
    }

    private void OnCatchUpFailed(CatchUp jump)
    {
        _jump = null;
        _jumpBeyond = jump.Round;
        if (_own is null)
        {
            BeginRound(Round);
        }
        else if (_collectedFrom.ContainsKey(Round))
        {
            Phase = RoundPhase.Collecting;
        }
        else
        {
            Phase = RoundPhase.Gathering;
        }
    }

    /// <summary>
    /// A quorum of those heard in that round, less oneself, and enough that a trimmed mean has an honest majority. A mesh or a neighbourhood too small
    /// for that sets only the round that is gone on with, not the model, by at least one honest node's word.
    /// </summary>
    private int ContributorsToCatchUp(int round)
    {
        int there = _sources.Of(round)?.Count ?? (_roster.ParticipantCount - 1);
        int others = _sources.Of(round)?.Count ?? (Math.Max(_roster.ParticipantCount, _options.GatherCount) - 1); // all who will be there, not only who is back already
        int robust = Math.Max(QuorumOf(round, 1 + there) - 1, (2 * _options.Faulty) + 1);
        return Math.Max(Math.Min(robust, others), _options.Faulty + 1);
    }

    private SortedSet<int> RoundsFarAhead()
    {
        var rounds = new SortedSet<int>();
        int from = Math.Max(Round + _options.CatchUpLag, _jumpBeyond + 1);
        foreach (Peer peer in _roster.Participants)
        {
            foreach (int round in peer.Contributions.Keys.Reverse().TakeWhile(r => r >= from))
            {
                rounds.Add(round);
            }
        }

        return rounds;
    }

    private bool IsFetchWanted(Peer peer, Contribution head)
    {
        int round = head.Reference.Round;
        if (peer.Participant == _self || !peer.CountsIn(round) || round < Round || !IsNeighbour(round, peer.Participant)
            || (round == Round && Phase == RoundPhase.Mixing))
        {
            return false;
        }

        return round <= Round + _options.AheadWindow || HeadCount(round) >= ContributorsToCatchUp(round);
    }

    private int HeadCount(int round) => _roster.Participants.Count(p =>
        p.Participant != _self && IsNeighbour(round, p.Participant) && p.Contributions.TryGetValue(round, out Contribution? known)
        && known.State is ContributionState.HeadKnown or ContributionState.Arrived);

    private void Await(TimeSpan? nextFetch)
    {
        TimeSpan? next = nextFetch;
        TimeSpan? own = Phase switch
        {
            RoundPhase.Gathering => GatherEnd,
            RoundPhase.Collecting when _now < _deadlineAt => _deadlineAt,
            RoundPhase.Collecting => _committedAt + _options.QuorumTimeout,
            _ => null,
        };
        next = next is null || own < next ? own ?? next : next;
        if (next is { } time && next != _awaited)
        {
            _effects.Add(new AwaitUntil(time));
        }

        _awaited = next;
    }

    private IEnumerable<Arrival> ArrivedOthers(int round) =>
        from peer in _roster.Peers
        where peer.Participant != _self && peer.CountsIn(round) && IsNeighbour(round, peer.Participant)
        let contribution = peer.In(round, ContributionState.Arrived)
        where contribution is not null
        select new Arrival(contribution.Reference, Later(contribution.ArrivedAt - _committedAt));

    private IEnumerable<Participant> InState(ContributionState state) =>
        from peer in _roster.Peers
        where peer.Participant != _self && peer.CountsIn(Round) && peer.In(Round, state) is not null
        select peer.Participant;

    private RoundRecord NewRecord(int round, RoundOutcome outcome) => new()
    {
        Round = round,
        Outcome = outcome,
        StartedAt = _startedAt,
        CommittedAt = _committedAt,
        ConcludedAt = _now,
        EndedAt = _now,
    };

    /// <summary>n − f of so many who are heard in a round, never below the rule's minimum.</summary>
    private int QuorumOf(int round, int heard) => Math.Max(heard - _options.Faulty, FewestOf(round, heard));

    // A small membership may still be growing; a small neighbourhood is what the topology gave for this round, and waiting would add nobody.
    private int FewestOf(int round, int heard) =>
        _sources.Of(round) is null ? _options.MinCandidates : Math.Min(_options.MinCandidates, heard);

    private bool IsNeighbour(int round, Participant participant) => participant == _self || _sources.Contains(round, participant);

    private static TimeSpan Later(TimeSpan delay) => delay > TimeSpan.Zero ? delay : TimeSpan.Zero;
}
