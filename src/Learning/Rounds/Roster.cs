namespace P2PLearn.Learning.Rounds;

/// <summary>Everybody known to a node and the contributions known of each, bounded in both directions.</summary>
/// <remarks>
/// Of one peer the rounds around one's own are always kept, beyond them only the newest: a peer that signs for far-away rounds pushes
/// out nothing but its own. Of those who are no participants, only <see cref="RoundOptions.MaxStrangers"/> are remembered.
/// </remarks>
internal sealed class Roster(RoundOptions options)
{
    /// <summary>Rounds before one's own that are kept, to notice late contributions and late proofs.</summary>
    public const int PastRounds = 2;

    private readonly SortedDictionary<Participant, Peer> _peers = [];
    private int _strangers;

    /// <summary>Everybody, in order.</summary>
    public IEnumerable<Peer> Peers => _peers.Values;

    /// <summary>The participants, in order.</summary>
    public IEnumerable<Peer> Participants => _peers.Values.Where(p => p.IsParticipant);

    /// <summary>Number of participants.</summary>
    public int ParticipantCount => _peers.Count - _strangers;

    /// <summary>The newest round that anybody ever spoke in; 0 when nobody has.</summary>
    public int NewestRound { get; private set; }

    /// <summary>Somebody, or null when unknown.</summary>
    public Peer? Find(Participant participant) => _peers.GetValueOrDefault(participant);

    /// <summary>Makes somebody a participant.</summary>
    public void Join(Participant participant)
    {
        Peer? peer = Find(participant);
        if (peer is null)
        {
            _peers.Add(participant, peer = new Peer(participant));
        }
        else if (!peer.IsParticipant)
        {
            _strangers--;
        }

        peer.IsParticipant = true;
        peer.MissedInRow = 0;
    }

    /// <summary>Makes a participant a stranger.</summary>
    public void Leave(Participant participant, int round)
    {
        if (Find(participant) is { IsParticipant: true } peer)
        {
            peer.IsParticipant = false;
            peer.LeftInRound = round;
            _strangers++;
        }
    }

    /// <summary>Takes in what is known of a contribution.</summary>
    /// <param name="reference">Which; its round is in [1, rounds].</param>
    /// <param name="state">Never <see cref="ContributionState.Equivocated"/>.</param>
    /// <param name="round">One's own round.</param>
    /// <param name="now">The time.</param>
    /// <param name="known">The contribution that was known for that participant and round before, or now is.</param>
    public Noted Note(ContributionRef reference, ContributionState state, int round, TimeSpan now, out Contribution? known)
    {
        known = null;
        if (reference.Round < round - PastRounds || FindOrAdd(reference.Participant) is not { } peer)
        {
            return Noted.Nothing;
        }

        if (!peer.Contributions.TryGetValue(reference.Round, out known))
        {
            known = new Contribution(reference, state, now + options.FetchAfter) { ArrivedAt = now };
            peer.Contributions.Add(reference.Round, known);
            NewestRound = Math.Max(NewestRound, reference.Round);
            return TrimAround(peer, round) == reference.Round ? Noted.Nothing : Noted.Advanced;
        }

        if (known.State == ContributionState.Equivocated)
        {
            return Noted.Nothing;
        }

        if (known.Reference.Root != reference.Root)
        {
            known.State = ContributionState.Equivocated;
            return Noted.Equivocation;
        }

        if (known.State != ContributionState.HeadKnown || state == ContributionState.HeadKnown)
        {
            return Noted.Nothing;
        }

        known.State = state;
        known.ArrivedAt = now;
        return Noted.Advanced;
    }

    /// <summary>Forgets rounds that are past, and strangers of whom nothing is left.</summary>
    public void Prune(int round)
    {
        List<Participant>? forgotten = null;
        foreach (Peer peer in _peers.Values)
        {
            while (peer.Contributions.Count > 0 && peer.Contributions.First().Key < round - PastRounds)
            {
                peer.Contributions.Remove(peer.Contributions.First().Key);
            }

            if (!peer.IsParticipant && peer.Contributions.Count == 0)
            {
                (forgotten ??= []).Add(peer.Participant);
            }
        }

        foreach (Participant participant in forgotten ?? [])
        {
            _peers.Remove(participant);
            _strangers--;
        }
    }

    /// <summary>Heads whose bytes are due to be fetched, now marked as being fetched.</summary>
    /// <param name="now">The time.</param>
    /// <param name="wanted">Whether a contribution is of use.</param>
    /// <param name="next">When the next one is due; null when none is waiting.</param>
    public List<ContributionRef> TakeDueFetches(TimeSpan now, Func<Peer, Contribution, bool> wanted, out TimeSpan? next)
    {
        var due = new List<ContributionRef>();
        next = null;
        foreach (Peer peer in _peers.Values)
        {
            foreach (Contribution head in peer.Contributions.Values)
            {
                if (head.State != ContributionState.HeadKnown || head.Fetching || !wanted(peer, head))
                {
                    continue;
                }

                if (head.FetchAt <= now)
                {
                    head.Fetching = true;
                    due.Add(head.Reference);
                }
                else if (next is null || head.FetchAt < next)
                {
                    next = head.FetchAt;
                }
            }
        }

        return due;
    }

    /// <summary>Takes in that a fetch failed; it will be due again.</summary>
    public void NoteFetchFailed(ContributionRef reference, TimeSpan now)
    {
        if (Find(reference.Participant)?.In(reference.Round, ContributionState.HeadKnown) is { } head
            && head.Reference == reference)
        {
            head.Fetching = false;
            head.FetchAt = now + options.FetchAfter;
        }
    }

    private Peer? FindOrAdd(Participant participant)
    {
        if (Find(participant) is { } peer)
        {
            return peer;
        }

        if (_strangers >= options.MaxStrangers)
        {
            return null;
        }

        peer = new Peer(participant);
        _peers.Add(participant, peer);
        _strangers++;
        return peer;
    }

    // The lowest round outside the window around one's own goes, so that the newest stay: they tell when one has to catch up.
    private int TrimAround(Peer peer, int round)
    {
        if (peer.Contributions.Count <= options.MaxRoundsPerParticipant)
        {
            return 0;
        }

        int dropped = peer.Contributions.Keys.First(r => r < round - PastRounds || r > round + options.AheadWindow);
        peer.Contributions.Remove(dropped);
        return dropped;
    }
}
