namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>What is to be done with a gateway.</summary>
internal enum MappingTask
{
    /// <summary>Ask it by every protocol.</summary>
    Search,

    /// <summary>Ask again for the mapping that is held.</summary>
    Renew,

    /// <summary>Look whether the mapping is still there.</summary>
    Check,
}

/// <summary>Decides what is done next with one gateway, and when.</summary>
/// <remarks>
/// Pure: answers and the time in, the next step out. At any moment there is exactly one next step: a search while nothing is
/// held, else the earlier of renewal and check. Times are wall-clock, since a lease runs on while a laptop sleeps and its
/// monotonic clock may not; a clock set back by hours can let a lease run out, which the next check notices.
/// </remarks>
/// <param name="options">The pauses.</param>
/// <param name="start">Now.</param>
internal sealed class MappingPlan(PortMapperOptions options, DateTimeOffset start)
{
    private TimeSpan _searchPause = options.FirstSearchPause;
    private DateTimeOffset _searchAt = start;
    private DateTimeOffset _renewAt;
    private DateTimeOffset _checkAt;
    private bool _isLost;
    private DateTimeOffset _announcedAt = DateTimeOffset.MinValue;

    /// <summary>The mapping held; null: none. After the end of its life it is not relied on any more.</summary>
    public MapAnswer.Granted? Held { get; private set; }

    /// <summary>Until when the mapping is relied on without another answer.</summary>
    public DateTimeOffset HeldUntil { get; private set; }

    /// <summary>The next step, and when it is due.</summary>
    public (MappingTask Task, DateTimeOffset At) Next =>
        Held is null ? (MappingTask.Search, _searchAt)
        : _renewAt <= _checkAt ? (MappingTask.Renew, _renewAt)
        : (MappingTask.Check, _checkAt);

    /// <summary>A search or renewal was granted.</summary>
    public void Granted(MapAnswer.Granted grant, DateTimeOffset now)
    {
        Held = grant;
        _isLost = false;
        HeldUntil = now + grant.Lifetime;
        _renewAt = now + (grant.Lifetime / 2);
        _checkAt = now + options.CheckInterval;
        _searchPause = options.FirstSearchPause;
    }

    /// <summary>A search found nothing, or nothing but refusals: searched again after ever longer pauses.</summary>
    public void NothingFound(DateTimeOffset now)
    {
        _searchAt = now + _searchPause;
        _searchPause = TimeSpan.FromTicks(Math.Min(_searchPause.Ticks * 2, options.MaxSearchPause.Ticks));
    }

    /// <summary>The gateway will not renew: what was held is gone, and is searched for at once.</summary>
    public void RenewalRefused(DateTimeOffset now) => Drop(now);

    /// <summary>No answer to a renewal: tried again after half of the life that is left (RFC 6887, 11.2.1), and given up
    /// at its end.</summary>
    public void RenewalUnanswered(DateTimeOffset now)
    {
        TimeSpan left = HeldUntil - now;
        if (_isLost || left <= options.MinRenewPause)
        {
            Drop(now);
            return;
        }

        _renewAt = now + TimeSpan.FromTicks(Math.Max(left.Ticks / 2, options.MinRenewPause.Ticks));
    }

    /// <summary>A look at the mapping ended.</summary>
    public void Checked(CheckAnswer answer, DateTimeOffset now)
    {
        _checkAt = now + options.CheckInterval;
        if (answer.Verdict == CheckVerdict.Lost)
        {
            _isLost = true; // a renewal that is not answered now ends in a search
            _renewAt = now;
        }
        else if (answer.ExternalAddress is { } address && Held is not null)
        {
            Held = Held with { ExternalAddress = address };
        }
    }

    /// <summary>The gateway has told everybody that it has restarted: the next step is due now, unless something was just done.</summary>
    /// <remarks>Announcements can be forged by whoever is in the local network, so that they bring forward a check or a search
    /// only, and not more often than <see cref="PortMapperOptions.MinRenewPause"/>.</remarks>
    public void Announced(DateTimeOffset now)
    {
        if (now - _announcedAt < options.MinRenewPause)
        {
            return;
        }

        _announcedAt = now;
        _checkAt = now;
        _searchAt = now;
    }

    private void Drop(DateTimeOffset now)
    {
        Held = null;
        _searchAt = now;
    }
}
