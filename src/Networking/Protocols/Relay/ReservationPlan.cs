using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Which relays to hold a slot on: events and the time in, effects out.</summary>
/// <remarks>
/// Pure; not safe for several threads. What always holds: a relay is asked only while it is up, by one request at a time and not
/// before its pause is over; no more slots count than are wanted; a slot is asked for again before it ends; relays that are
/// neither connected, configured, wanted nor paused are forgotten, and there are never more than
/// <see cref="RelayClientOptions.MaxCandidates"/> besides the configured ones.
/// <code>
///                ask, granted                 refused to renew
///   possible ────────────────▶ counts ────────────────────────▶ failing, still announced
///      ▲  ▲                     │   │                                 │
///      │  ╰─ connection lost ───╯   ╰─ a better one was found ▶ lapsing, circuits are still taken
///      ╰──────────────────────────── the slot ends ───────────────────╯
/// </code>
/// </remarks>
internal sealed class ReservationPlan
{
    private readonly RelayClientOptions _options;
    private readonly Random _random;
    private readonly RelayRanking _ranking;
    private readonly Dictionary<PeerId, RelayCandidate> _candidates = [];
    private List<ReservationEffect> _effects = [];
    private bool _isNeeded;
    private bool _hasChanged;
    private DateTimeOffset _improveAt;

    /// <param name="options">Limits and times.</param>
    /// <param name="random">Spreads renewals and pauses.</param>
    public ReservationPlan(RelayClientOptions options, Random random)
    {
        _options = options;
        _random = random;
        _ranking = new RelayRanking(options, _candidates.Values);
        foreach (PeerId relay in options.Relays.Select(r => r.PeerId!).Distinct())
        {
            _candidates.Add(relay, new RelayCandidate(relay, isConfigured: true));
        }
    }

    /// <summary>The slots to tell others about, the oldest first.</summary>
    public IReadOnlyList<RelayReservation> Reservations { get; private set; } = [];

    /// <summary>When to come again with <see cref="ReservationEvent.TimePassed"/>; null: not before another event.</summary>
    public DateTimeOffset? NextWake { get; private set; }

    /// <summary>Relays known.</summary>
    public int CandidateCount => _candidates.Count;

    /// <summary>Whether circuits through a relay are ours to take: it holds a slot for us, or may just have granted one.</summary>
    public bool Accepts(PeerId relay) =>
        _candidates.TryGetValue(relay, out RelayCandidate? known) && (known.Slot is not null || known.IsAsking);

    /// <summary>Takes an event in.</summary>
    public IReadOnlyList<ReservationEffect> Step(ReservationEvent @event, DateTimeOffset now)
    {
        _effects = [];
        Take(@event, now);
        Expire(now);
        if (_isNeeded)
        {
            Renew(now);
            Trim();
            Fill(now);
            Improve(now);
            Reconnect(now);
        }

        if (@event is ReservationEvent.RelayUp up)
        {
            MeasureIfIdle(up.Relay);
        }

        Forget(now);
        Announce();
        NextWake = FindNextWake(now);
        return _effects;
    }

    private void Take(ReservationEvent @event, DateTimeOffset now)
    {
        switch (@event)
        {
            case ReservationEvent.NeedChanged need:
                _hasChanged |= _isNeeded != need.IsNeeded;
                _isNeeded = need.IsNeeded;
                break;
            case ReservationEvent.RelayUp up:
                OnUp(up);
                break;
            case ReservationEvent.RelayDown down when Find(down.Relay) is { } candidate:
                OnDown(candidate, now);
                break;
            case ReservationEvent.RelayMoved moved when Find(moved.Relay) is { Counts: true } candidate:
                candidate.LookAt = now;
                break;
            case ReservationEvent.SlotGranted granted when Find(granted.Relay) is { } candidate:
                OnGranted(candidate, granted.Slot, now);
                break;
            case ReservationEvent.SlotRefused refused when Find(refused.Relay) is { } candidate:
                OnRefused(candidate, refused.Failure, now);
                break;
            case ReservationEvent.ConnectEnded ended when Find(ended.Relay) is { } candidate:
                OnConnectEnded(candidate, now);
                break;
            case ReservationEvent.Measured measured when Find(measured.Relay) is { } candidate:
                candidate.RoundTrip = measured.RoundTrip;
                break;
        }
    }

    private RelayCandidate? Find(PeerId relay) => _candidates.GetValueOrDefault(relay);

    private void OnUp(ReservationEvent.RelayUp up)
    {
        if (Find(up.Relay) is not { } candidate)
        {
            if (_candidates.Count >= _options.MaxCandidates && !TryMakeRoom())
            {
                return;
            }

            _candidates.Add(up.Relay, candidate = new RelayCandidate(up.Relay, isConfigured: false));
        }

        candidate.IsUp = true;
        candidate.ConnectAttempts = 0;
        candidate.Network = up.Network;
        candidate.RoundTrip = up.RoundTrip ?? candidate.RoundTrip;
    }

    /// <summary>Forgets one that is gone: rather one that is paused than one that was lost.</summary>
    private bool TryMakeRoom() => _candidates.Values
        .Where(c => c is { IsUp: false, IsConfigured: false, IsAsking: false, IsConnecting: false })
        .MinBy(c => c.IsWanted) is { } least && _candidates.Remove(least.Peer);

    private void OnDown(RelayCandidate candidate, DateTimeOffset now)
    {
        candidate.IsUp = false;
        candidate.HasLooked = false;
        candidate.GrantedAt = null; // after a break it may grant something else
        if (candidate.Slot is null)
        {
            return;
        }

        candidate.IsWanted |= _isNeeded && candidate.IsInUse;
        candidate.ConnectAt = now + Spread(_options.ReconnectPause);
        if (now - candidate.Since < _options.MinHold)
        {
            Pause(candidate, ReservationFailure.Broken, now);
        }

        Drop(candidate);
    }

    private void OnGranted(RelayCandidate candidate, RelaySlot slot, DateTimeOffset now)
    {
        candidate.AskedAt = null;
        if (!candidate.IsUp)
        {
            return; // with the connection the slot was gone
        }

        if (!candidate.Counts)
        {
            candidate.Since = candidate.IsInUse ? candidate.Since : now;
            _improveAt = now + _options.ImproveInterval;
        }

        double share = _options.RenewAfter + (_options.RenewSpread * ((_random.NextDouble() * 2) - 1));
        candidate.RenewAt = now + ((slot.Expires - now) * share);
        bool looks = !RelayCandidate.IsAmple(slot.Limit) && !candidate.HasLooked && now + _options.SecondLook < candidate.RenewAt;
        candidate.LookAt = looks ? now + _options.SecondLook : null;
        candidate.HasLooked = true;
        candidate.IsLapsing = candidate.IsFailing = candidate.IsWanted = false;
        candidate.AskFailures = 0;
        (candidate.Slot, candidate.LastLimit, candidate.GrantedAt) = (slot, slot.Limit, now);
        _hasChanged = true;
    }

    private void OnRefused(RelayCandidate candidate, ReservationFailure failure, DateTimeOffset now)
    {
        candidate.AskedAt = null;
        Pause(candidate, failure, now);
        if (candidate.LookAt is not null)
        {
            candidate.LookAt = null; // asked out of turn: the slot is what it was
        }
        else
        {
            candidate.IsFailing = candidate.IsInUse;
        }
    }

    private void OnConnectEnded(RelayCandidate candidate, DateTimeOffset now)
    {
        candidate.IsConnecting = false;
        candidate.ConnectAt = now + Backoff(_options.ReconnectPause, candidate.ConnectAttempts);
        candidate.IsWanted &= candidate.ConnectAttempts < _options.MaxReconnects;
    }

    private void Expire(DateTimeOffset now)
    {
        foreach (RelayCandidate candidate in _candidates.Values)
        {
            if (candidate.Slot is { } slot && slot.Expires <= now)
            {
                Drop(candidate);
            }
        }
    }

    private void Drop(RelayCandidate candidate)
    {
        _hasChanged |= candidate.IsInUse;
        candidate.Slot = null;
        candidate.LookAt = null;
        candidate.IsLapsing = candidate.IsFailing = false;
    }

    private void Renew(DateTimeOffset now)
    {
        foreach (RelayCandidate candidate in _candidates.Values)
        {
            if (candidate is { Counts: true, IsAsking: false } && candidate.RefreshAt <= now)
            {
                Ask(candidate, now);
            }
        }
    }

    /// <summary>Asks the best relays until those that hold a slot, or are about to, are enough.</summary>
    private void Fill(DateTimeOffset now)
    {
        int missing = _options.Reservations - _candidates.Values.Count(c => c.Counts || IsPromising(c, now));
        while (missing-- > 0 && _ranking.Best(now) is { } best)
        {
            Ask(best, now);
        }
    }

    /// <summary>It was asked a moment ago. One that lets us wait is not waited for.</summary>
    private bool IsPromising(RelayCandidate candidate, DateTimeOffset now) =>
        candidate.AskedAt + _options.ReservePatience > now;

    /// <summary>Tries a relay that promises to be better than the worst in use.</summary>
    private void Improve(DateTimeOffset now)
    {
        if (now >= _improveAt && IsSettled && _ranking.Better(now) is { } better)
        {
            _improveAt = now + _options.ImproveInterval;
            Ask(better, now);
        }
    }

    private bool IsSettled =>
        _candidates.Values.Count(c => c.Counts) == _options.Reservations && !_candidates.Values.Any(c => c.IsAsking);

    private void Trim()
    {
        while (_candidates.Values.Count(c => c.Counts) > _options.Reservations && _ranking.Worst() is { } worst)
        {
            worst.IsLapsing = true;
            _hasChanged = true;
        }
    }

    private void Reconnect(DateTimeOffset now)
    {
        bool isMissing = _candidates.Values.Count(c => c.Counts) < _options.Reservations;
        foreach (RelayCandidate candidate in _candidates.Values)
        {
            if (IsToConnect(candidate, isMissing) && candidate.ConnectAt <= now)
            {
                candidate.IsConnecting = true;
                candidate.ConnectAttempts++;
                _effects.Add(new ReservationEffect.Connect(candidate.Peer));
            }
        }
    }

    private static bool IsToConnect(RelayCandidate candidate, bool isMissing) =>
        candidate is { IsUp: false, IsConnecting: false } && (candidate.IsConfigured || (candidate.IsWanted && isMissing));

    private void Ask(RelayCandidate candidate, DateTimeOffset now)
    {
        candidate.AskedAt = now;
        _effects.Add(new ReservationEffect.Ask(candidate.Peer));
    }

    /// <summary>One that is asked for a slot is measured by that.</summary>
    private void MeasureIfIdle(PeerId relay)
    {
        if (Find(relay) is { RoundTrip: null, IsAsking: false })
        {
            _effects.Add(new ReservationEffect.Measure(relay));
        }
    }

    private void Pause(RelayCandidate candidate, ReservationFailure failure, DateTimeOffset now)
    {
        TimeSpan first = failure switch
        {
            ReservationFailure.Broken => _options.BrokenPause,
            ReservationFailure.NoRoom => _options.NoRoomPause,
            _ => _options.DeniedPause,
        };
        candidate.AskFailures++;
        candidate.AskAt = now + Backoff(first, candidate.AskFailures);
    }

    private TimeSpan Backoff(TimeSpan first, int failures)
    {
        TimeSpan pause = first * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        return Spread(pause < _options.MaxPause ? pause : _options.MaxPause);
    }

    /// <summary>A fifth more or less, so that many nodes do not come at once.</summary>
    private TimeSpan Spread(TimeSpan pause) => pause * (0.8 + (0.4 * _random.NextDouble()));

    private void Forget(DateTimeOffset now)
    {
        foreach ((PeerId peer, RelayCandidate candidate) in _candidates)
        {
            bool isOfUse = candidate.IsUp || candidate.IsConfigured || candidate.IsWanted || candidate.IsAsking
                || candidate.IsConnecting;
            if (!isOfUse && candidate.AskAt <= now)
            {
                _candidates.Remove(peer);
            }
        }
    }

    private void Announce()
    {
        if (!_hasChanged)
        {
            return;
        }

        _hasChanged = false;
        RelayReservation[] reservations = [.. InUse()];
        if (!reservations.SequenceEqual(Reservations))
        {
            Reservations = reservations;
            _effects.Add(new ReservationEffect.Announce());
        }
    }

    private IEnumerable<RelayReservation> InUse() => _candidates.Values
        .Where(c => _isNeeded && c.IsInUse)
        .OrderBy(c => c.Since)
        .ThenBy(c => c.Peer)
        .Select(c => new RelayReservation(
            c.Peer, c.Slot!.Addresses, c.Slot.Expires, c.Slot.Limit, c.RoundTrip, c.Since));

    private DateTimeOffset? FindNextWake(DateTimeOffset now)
    {
        DateTimeOffset? next = null;
        foreach (DateTimeOffset moment in _candidates.Values.SelectMany(Moments).Append(_improveAt))
        {
            next = moment > now && !(next <= moment) ? moment : next;
        }

        return next;
    }

    /// <summary>When something may have to be done about a relay; those that have passed were seen to.</summary>
    private IEnumerable<DateTimeOffset> Moments(RelayCandidate candidate)
    {
        if (candidate.Slot is { } slot)
        {
            yield return slot.Expires;
            yield return candidate.RefreshAt;
        }

        if (candidate.AskedAt is { } asked)
        {
            yield return asked + _options.ReservePatience;
        }

        yield return candidate.AskAt;
        if (!candidate.IsUp && (candidate.IsConfigured || candidate.IsWanted))
        {
            yield return candidate.ConnectAt;
        }
    }
}
