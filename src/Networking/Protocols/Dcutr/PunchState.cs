using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>One try of the side that opens the stream (B) to replace a relayed connection: what to do next.</summary>
/// <remarks>
/// Source: libp2p specs, DCUtR, "the protocol". The exchange of addresses runs while identify tells whether the peer may
/// be dialled back, so that neither waits for the other. Dialling back comes first when there is something to dial; it
/// may take one and a half round trips, since an open port answers in one, and a NAT never. Pure: events in, effects out;
/// the durations of the timers are its only time. Not safe for several threads.
/// </remarks>
/// <param name="options">Limits.</param>
internal sealed class PunchState(DcutrOptions options)
{
    /// <summary>Least and most that a dial back may hold up the hole punch.</summary>
    public static readonly TimeSpan MinPatience = TimeSpan.FromMilliseconds(150);

    /// <summary>See <see cref="MinPatience"/>.</summary>
    public static readonly TimeSpan MaxPatience = TimeSpan.FromSeconds(1);

    /// <summary>How long identify is waited for when the peer does not take part in the exchange.</summary>
    public static readonly TimeSpan IdentifyPatience = TimeSpan.FromSeconds(2);

    /// <summary>How much later than the peer's CONNECT its identify, asked for before, may come.</summary>
    public static readonly TimeSpan IdentifyLag = TimeSpan.FromMilliseconds(30);

    private readonly HashSet<Multiaddr> _dialledBack = [];
    private readonly HashSet<Multiaddr> _toDialBack = [];
    private Phase _phase = Phase.Idle;
    private bool _weHaveAddresses;
    private bool _isDescribed;
    private bool _isDiallingBack;
    private bool _dialBackIsUp;
    private int _attempt;
    private TimeSpan? _roundTrip;
    private (HolePunchOutcome Outcome, string Message) _otherwise = (HolePunchOutcome.Failed, string.Empty);

    private enum Phase
    {
        Idle,

        /// <summary>The peer's CONNECT is awaited.</summary>
        Exchanging,

        /// <summary>It is here, but a dial back is under way.</summary>
        Holding,

        /// <summary>SYNC is on its way.</summary>
        Counting,

        /// <summary>Both dial.</summary>
        Punching,

        /// <summary>A link broke: nothing is sent until routers have forgotten it.</summary>
        Quiet,

        /// <summary>No exchange is possible; only a dial back can help, now or when identify names an address.</summary>
        OnlyDialBack,

        Over,
    }

    /// <summary>Synchronised dials begun.</summary>
    public int Attempts { get; private set; }

    /// <summary>Takes an event.</summary>
    /// <returns>What is to be done, in order; nothing after a <see cref="PunchEffect.End"/>.</returns>
    public IReadOnlyList<PunchEffect> Step(PunchEvent @event)
    {
        var effects = new List<PunchEffect>();
        if (_phase != Phase.Over)
        {
            Take(@event, effects);
        }

        return effects;
    }

    private void Take(PunchEvent @event, List<PunchEffect> effects)
    {
        switch (@event)
        {
            case PunchEvent.Started started:
                _weHaveAddresses = started.WeHaveAddresses;
                Exchange(effects);
                break;
            case PunchEvent.Described described:
                OnDescribed(described, effects);
                break;
            case PunchEvent.Answered answered:
                OnAnswered(answered, effects);
                break;
            case PunchEvent.ExchangeFailed failed:
                OnExchangeFailed(failed, effects);
                break;
            case PunchEvent.DialBackConnected:
                _dialBackIsUp = true;
                break;
            case PunchEvent.DialBackFailed:
                OnDialBackFailed(effects);
                break;
            case PunchEvent.TimerFired fired:
                OnTimer(fired.Timer, effects);
                break;
            case PunchEvent.AttemptFailed failed:
                OnAttemptFailed(failed, effects);
                break;
            case PunchEvent.DirectUp up:
                OnDirectUp(up.Path, effects);
                break;
            case PunchEvent.RelayLost:
                End(HolePunchOutcome.Cancelled, "the relayed connection ended", effects);
                break;
        }
    }

    private void Exchange(List<PunchEffect> effects)
    {
        _phase = Phase.Exchanging;
        _attempt++;
        effects.Add(new PunchEffect.Exchange());
        DialBack(effects);
    }

    private void DialBack(List<PunchEffect> effects)
    {
        Multiaddr[] news = [.. _toDialBack];
        _toDialBack.Clear();
        _dialledBack.UnionWith(news);
        if (news.Length > 0)
        {
            _isDiallingBack = true;
            effects.Add(new PunchEffect.DialBack(news));
        }
    }

    private void OnDescribed(PunchEvent.Described described, List<PunchEffect> effects)
    {
        _isDescribed |= described.IsComplete;
        _toDialBack.UnionWith(described.Addresses.Where(a => !_dialledBack.Contains(a)));
        if (_phase is Phase.Idle or Phase.Counting or Phase.Punching or Phase.Quiet)
        {
            return; // in its turn: the pairs of addresses belong to the punch now
        }

        DialBack(effects);
        if (_phase == Phase.Holding)
        {
            HoldOrSynchronize(effects);
        }
        else if (_phase == Phase.OnlyDialBack && _isDescribed && !_isDiallingBack)
        {
            End(_otherwise.Outcome, _otherwise.Message, effects);
        }
    }

    private void OnAnswered(PunchEvent.Answered answered, List<PunchEffect> effects)
    {
        if (_phase != Phase.Exchanging)
        {
            return;
        }

        _roundTrip = answered.RoundTrip;
        if (!answered.HasAddresses && !_weHaveAddresses)
        {
            GiveUpExchange(HolePunchOutcome.NoAddresses, "neither side knows an address of its own to be dialled at", effects);
        }
        else
        {
            _phase = Phase.Holding;
            HoldOrSynchronize(effects);
        }
    }

    private void HoldOrSynchronize(List<PunchEffect> effects)
    {
        if (_isDiallingBack)
        {
            effects.Add(new PunchEffect.StartTimer(PunchTimer.DialBack, Patience(_roundTrip!.Value)));
        }
        else if (!_isDescribed)
        {
            effects.Add(new PunchEffect.StartTimer(PunchTimer.Identify, IdentifyLag)); // it was asked first
        }
        else
        {
            Synchronize(effects);
        }
    }

    private void OnExchangeFailed(PunchEvent.ExchangeFailed failed, List<PunchEffect> effects)
    {
        if (_phase == Phase.Exchanging)
        {
            GiveUpExchange(
                _attempt == 1 ? HolePunchOutcome.NoStream : HolePunchOutcome.Failed, failed.Message, effects);
        }
    }

    private void GiveUpExchange(HolePunchOutcome outcome, string message, List<PunchEffect> effects)
    {
        if (_isDescribed && !_isDiallingBack)
        {
            End(outcome, message, effects);
            return;
        }

        _phase = Phase.OnlyDialBack;
        _otherwise = (outcome, message);
        effects.Add(new PunchEffect.StartTimer(PunchTimer.Identify, IdentifyPatience));
    }

    private void OnDialBackFailed(List<PunchEffect> effects)
    {
        _isDiallingBack = false;
        _dialBackIsUp = false;
        if (_phase == Phase.Holding)
        {
            Synchronize(effects);
        }
        else if (_phase == Phase.OnlyDialBack && _isDescribed)
        {
            End(_otherwise.Outcome, _otherwise.Message, effects);
        }
    }

    private void OnTimer(PunchTimer timer, List<PunchEffect> effects)
    {
        switch (timer, _phase)
        {
            case (PunchTimer.DialBack, Phase.Holding) when _dialBackIsUp:
                _dialBackIsUp = false; // its handshakes run: they get their time, once
                effects.Add(new PunchEffect.StartTimer(PunchTimer.DialBack, MaxPatience));
                break;
            case (PunchTimer.DialBack, Phase.Holding):
            case (PunchTimer.Identify, Phase.Holding) when !_isDiallingBack:
                Synchronize(effects);
                break;
            case (PunchTimer.Countdown, Phase.Counting):
                Punch(effects);
                break;
            case (PunchTimer.Quiet, Phase.Quiet):
                Exchange(effects);
                break;
            case (PunchTimer.Identify, Phase.OnlyDialBack) when _isDiallingBack:
                _isDescribed = true; // nothing more is waited for but the dial back
                break;
            case (PunchTimer.Identify, Phase.OnlyDialBack):
                End(_otherwise.Outcome, _otherwise.Message, effects);
                break;
        }
    }

    /// <remarks>The peer dials when SYNC arrives, half a round trip from now; so do we.</remarks>
    private void Synchronize(List<PunchEffect> effects)
    {
        _phase = Phase.Counting;
        Attempts++;
        _isDiallingBack = false;
        // A pending dial back stays and becomes the punch's: its socket holds the pair of addresses that the punch needs,
        // and may join with the peer's at any moment, with the roles of a punch from here on.
        effects.Add(new PunchEffect.SendSync());
        effects.Add(new PunchEffect.StartTimer(PunchTimer.Countdown, _roundTrip!.Value / 2));
    }

    private void Punch(List<PunchEffect> effects)
    {
        _phase = Phase.Punching;
        effects.Add(new PunchEffect.Punch(_roundTrip!.Value));
    }

    private void OnAttemptFailed(PunchEvent.AttemptFailed failed, List<PunchEffect> effects)
    {
        if (_phase != Phase.Punching)
        {
            return;
        }

        if (_attempt == options.MaxAttempts)
        {
            End(HolePunchOutcome.Failed, "no attempt got through: a NAT on the way gives each destination another port, "
                + "or a firewall lets nothing in", effects);
        }
        else if (failed.HadLink)
        {
            _phase = Phase.Quiet;
            effects.Add(new PunchEffect.StartTimer(PunchTimer.Quiet, options.QuietPause));
        }
        else
        {
            Exchange(effects);
        }
    }

    private void OnDirectUp(ConnectionPath path, List<PunchEffect> effects)
    {
        (HolePunchOutcome outcome, string message) = path switch
        {
            ConnectionPath.Punched => (HolePunchOutcome.Punched, "a hole was punched"),
            ConnectionPath.Reversed => (HolePunchOutcome.Reversed, "the peer could be dialled"),
            _ => (HolePunchOutcome.AlreadyDirect, "the peer reached us by itself"),
        };
        End(outcome, message, effects);
    }

    private void End(HolePunchOutcome outcome, string message, List<PunchEffect> effects)
    {
        _phase = Phase.Over;
        effects.Add(new PunchEffect.End(outcome, Attempts, _roundTrip, message));
    }

    private static TimeSpan Patience(TimeSpan roundTrip)
    {
        TimeSpan patience = roundTrip * 1.5;
        return patience < MinPatience ? MinPatience : patience > MaxPatience ? MaxPatience : patience;
    }
}
