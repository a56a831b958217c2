namespace P2PLearn.Learning.Rounds;

/// <summary>The rounds of an attacker: it lets the honest speak first, then sends a model made from theirs.</summary>
/// <remarks>
/// The omniscient attacker of the papers as a real process: it waits for the half-step models of everyone but its accomplices, or a short
/// time after the first of them, then forges; what it has forged it may keep back, or never forge at all. It neither trains nor mixes. When most of the honest are in a later round, it goes there. It
/// waits without end while no honest node speaks: nothing of the run depends on it.
/// </remarks>
public sealed class ByzantineRoundMachine : IRoundMachine
{
    private readonly Participant _self;
    private readonly ByzantineRoundOptions _options;
    private readonly SortedSet<Participant> _accomplices;
    private readonly Roster _roster;

    /// <summary>Contributions kept back, and when to tell them; at most one for each round.</summary>
    private readonly Queue<(TimeSpan At, ContributionRef Contribution)> _keptBack = new();

    private List<RoundEffect> _effects = [];
    private TimeSpan _now;
    private TimeSpan? _awaited;

    /// <summary>Makes a machine; nothing happens before <see cref="Started"/>.</summary>
    /// <param name="self">This node.</param>
    /// <param name="accomplices">The other Byzantine participants, oneself or not.</param>
    /// <param name="options">Checked here.</param>
    public ByzantineRoundMachine(Participant self, IEnumerable<Participant> accomplices, ByzantineRoundOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _self = self;
        _options = options;
        _accomplices = [.. accomplices, self];
        _roster = new Roster(new RoundOptions { Rounds = options.Rounds, FetchAfter = options.FetchAfter });
        _roster.Join(self);
    }

    /// <inheritdoc/>
    public int Round { get; private set; } = 1;

    /// <inheritdoc/>
    public RoundPhase Phase { get; private set; }

    private IEnumerable<Peer> Honest => _roster.Participants.Where(p => !_accomplices.Contains(p.Participant));

    /// <inheritdoc/>
    public IReadOnlyList<RoundEffect> Step(RoundEvent happened, TimeSpan now)
    {
        _now = now > _now ? now : _now;
        _effects = [];
        Handle(happened);
        while (_keptBack.TryPeek(out (TimeSpan At, ContributionRef Contribution) due) && due.At <= _now)
        {
            _effects.Add(new Announce(_keptBack.Dequeue().Contribution));
        }

        if (Phase == RoundPhase.Collecting)
        {
            FollowTheHonest();
            TryForge();
        }
        else if (_keptBack.Count > 0)
        {
            Await(null);
        }

        return _effects;
    }

    /// <inheritdoc/>
    public bool Wants(ContributionRef contribution) =>
        Phase != RoundPhase.Finished && contribution.Round >= Round && contribution.Round <= _options.Rounds
        && !_accomplices.Contains(contribution.Participant);

    private void Handle(RoundEvent happened)
    {
        switch (happened)
        {
            case Started when Phase != RoundPhase.Idle:
                throw new InvalidOperationException("a round machine is started once");
            case Started started:
                ArgumentOutOfRangeException.ThrowIfLessThan(started.Round, 1, nameof(happened));
                Enter(started.Round);
                break;
            case ParticipantJoined joined:
                _roster.Join(joined.Participant);
                break;
            case ParticipantLeft left when left.Participant != _self:
                _roster.Leave(left.Participant, Round);
                break;
            case HeadKnown head:
                Note(head.Contribution, ContributionState.HeadKnown);
                break;
            case ModelArrived arrived:
                Note(arrived.Contribution, ContributionState.Arrived);
                break;
            case ModelRefused refused:
                Note(refused.Contribution, ContributionState.Refused);
                break;
            case FetchFailed failed:
                _roster.NoteFetchFailed(failed.Contribution, _now);
                break;
            case Committed committed when Phase == RoundPhase.Committing && committed.Contribution.Round == Round:
                Tell(committed.Contribution);
                Enter(Round + 1);
                break;
        }
    }

    private void Tell(ContributionRef contribution)
    {
        if (_options.SendAfter == TimeSpan.Zero)
        {
            _effects.Add(new Announce(contribution));
        }
        else
        {
            _keptBack.Enqueue((_now + _options.SendAfter, contribution));
        }
    }

    private void Note(ContributionRef contribution, ContributionState state)
    {
        if (contribution.Round >= 1 && contribution.Round <= _options.Rounds)
        {
            _roster.Note(contribution, state, Round, _now, out _);
        }
    }

    private void Enter(int round)
    {
        Phase = round > _options.Rounds ? RoundPhase.Finished : RoundPhase.Collecting;
        Round = Math.Min(round, _options.Rounds);
        _roster.Prune(Round);
        if (Phase == RoundPhase.Finished)
        {
            _effects.Add(new Finished(Round));
        }
    }

    // Once most of the honest have spoken in a later round, they have mixed this one: a vote for it would come too late.
    private void FollowTheHonest()
    {
        Peer[] honest = [.. Honest];
        IEnumerable<int> later = honest.SelectMany(p => p.Contributions.Keys).Where(r => r > Round).Distinct();
        int most = later.Where(r => 2 * honest.Count(p => p.Contributions.ContainsKey(r)) > honest.Length).DefaultIfEmpty(Round).Max();
        if (most > Round)
        {
            Enter(most);
        }
    }

    private void TryForge()
    {
        Contribution[] arrived = [.. Honest.Select(p => p.In(Round, ContributionState.Arrived)).OfType<Contribution>()];
        bool all = Honest.All(p => p.Contributions.TryGetValue(Round, out Contribution? known)
            && known.State != ContributionState.HeadKnown);
        TimeSpan? deadline = arrived.Length == 0 ? null : arrived.Min(c => c.ArrivedAt) + _options.MaxWait;
        if (arrived.Length > 0 && (all || _now >= deadline) && _options.Silent)
        {
            Enter(Round + 1);
            return;
        }

        if (arrived.Length > 0 && (all || _now >= deadline))
        {
            Phase = RoundPhase.Committing;
            _effects.Add(new Forge(Round, [.. arrived.Select(c => c.Reference)]));
            return;
        }

        bool IsWanted(Peer peer, Contribution head) => head.Reference.Round >= Round && !_accomplices.Contains(peer.Participant);
        _effects.AddRange(_roster.TakeDueFetches(_now, IsWanted, out TimeSpan? nextFetch).Select(r => new Fetch(r)));
        Await(deadline is null || nextFetch < deadline ? nextFetch : deadline);
    }

    private void Await(TimeSpan? next)
    {
        if (_keptBack.TryPeek(out (TimeSpan At, ContributionRef Contribution) due) && !(next < due.At))
        {
            next = due.At;
        }

        if (next is { } time && next != _awaited)
        {
            _effects.Add(new AwaitUntil(time));
        }

        _awaited = next;
    }
}
