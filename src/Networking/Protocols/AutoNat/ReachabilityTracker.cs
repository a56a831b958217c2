using System.Net;
using P2PLearn.Networking.Nat;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>What servers found out about one address, and the verdict: pure, the time comes in.</summary>
/// <remarks>
/// Each server (an IPv4 address or IPv6 /64) has one answer, its latest; those of one network (/24 or /48) weigh no more
/// than two together. A verdict falls when <see cref="AutoNatOptions.Confirmations"/> agree and outnumber the others; it
/// is turned round only when the others are ahead by <see cref="AutoNatOptions.FlipMargin"/>. Where one server is all
/// there is, its repetitions count. Not safe for several threads.
/// </remarks>
/// <param name="options">Thresholds and intervals.</param>
internal sealed class ReachabilityTracker(AutoNatOptions options)
{
    /// <summary>Servers whose answers are held.</summary>
    public const int MaxServers = 16;

    /// <summary>An answer with proof; one without, of version 1, is half of it.</summary>
    private const int FullWeight = 2;

    private readonly Dictionary<IPAddress, Answer> _answers = [];
    private readonly Dictionary<IPAddress, DateTimeOffset> _refusals = [];

    /// <summary>The verdict.</summary>
    public Reachability Verdict { get; private set; }

    /// <summary>Whether a yes counts that was to be expected of any NAT: from somebody whom we had contacted.</summary>
    public bool CountsBiased { get; set; } = true;

    /// <summary>Servers that answered.</summary>
    public int Servers => _answers.Count;

    /// <summary>All there is to hear so far is good.</summary>
    public bool IsPromising => _answers.Count > 0 && _answers.Values.All(a => a.Reachable);

    private int Needed => FullWeight * options.Confirmations;

    /// <summary>A server answered.</summary>
    /// <param name="server">Its IP.</param>
    /// <param name="reachable">It got through, or did not.</param>
    /// <param name="isProven">Version 2: a yes was proven, a no is at least for this very address.</param>
    /// <param name="isBiased">A yes that says nothing of those whom we have not contacted.</param>
    /// <param name="now">When.</param>
    public void Answered(IPAddress server, bool reachable, bool isProven, bool isBiased, DateTimeOffset now)
    {
        IPAddress key = ThinWaist.Observer(server);
        bool isRepeated = _answers.TryGetValue(key, out Answer? earlier) && earlier.Reachable == reachable;
        int repeats = isRepeated ? Math.Min(earlier!.Repeats + 1, Needed) : 1;
        MakeRoom(_answers, key, a => a.At);
        _answers[key] = new Answer(reachable, isProven ? FullWeight : 1, isBiased, repeats, now);
        _refusals.Remove(key);
        Decide(now);
    }

    /// <summary>A server will not dial this address.</summary>
    public void Refused(IPAddress server, DateTimeOffset now)
    {
        IPAddress key = ThinWaist.Observer(server);
        MakeRoom(_refusals, key, at => at);
        _refusals[key] = now;
    }

    /// <summary>Forgets answers that are too old, and decides anew.</summary>
    public void Decide(DateTimeOffset now)
    {
        foreach ((IPAddress server, Answer answer) in _answers)
        {
            if (now - answer.At >= options.AnswerLifetime)
            {
                _answers.Remove(server);
            }
        }

        int good = Weigh(reachable: true);
        int bad = Weigh(reachable: false);
        int margin = FullWeight * options.FlipMargin;
        Verdict = Verdict switch
        {
            _ when good == 0 && bad == 0 => Reachability.Unknown,
            Reachability.Public => bad >= Needed && bad - good >= margin ? Reachability.Private : Reachability.Public,
            Reachability.Private => good >= Needed && good - bad >= margin ? Reachability.Public : Reachability.Private,
            _ when good >= Needed && good > bad => Reachability.Public,
            _ when bad >= Needed && bad > good => Reachability.Private,
            _ => Reachability.Unknown,
        };
    }

    /// <summary>When a server should be asked, next or for the first time.</summary>
    /// <param name="server">Its IP.</param>
    /// <param name="since">From when on it could be asked.</param>
    /// <param name="wantsMore">The verdict alone is not enough: more servers should be heard.</param>
    public DateTimeOffset DueAt(IPAddress server, DateTimeOffset since, bool wantsMore)
    {
        IPAddress key = ThinWaist.Observer(server);
        if (_refusals.TryGetValue(key, out DateTimeOffset refused))
        {
            return refused + options.RefreshInterval;
        }

        bool isHeard = _answers.TryGetValue(key, out Answer? own);
        bool isOnly = _answers.Count == 1;
        DateTimeOffset first = since + options.FirstProbeDelay;
        if (Verdict == Reachability.Unknown)
        {
            return !isHeard ? first
                : isOnly && own!.Weight * own.Repeats < Needed ? own.At + options.ConfirmDelay
                : own!.At + (WeightOf(own) == 0 ? options.RefreshInterval : options.RetryInterval);
        }

        bool isQuick = !isHeard && (isOnly || (wantsMore && _answers.Count < MaxServers / 2));
        return isQuick
            ? first
            : _answers.Values.Max(a => a.At) + (IsContested ? options.RetryInterval : options.RefreshInterval);
    }

    /// <summary>When a server answered last; the beginning of time when it did not.</summary>
    public DateTimeOffset HeardAt(IPAddress server) =>
        _answers.TryGetValue(ThinWaist.Observer(server), out Answer? answer) ? answer.At : DateTimeOffset.MinValue;

    private bool IsContested => _answers.Values.Select(a => a.Reachable).Distinct().Count() > 1;

    private static void MakeRoom<T>(Dictionary<IPAddress, T> entries, IPAddress server, Func<T, DateTimeOffset> at)
    {
        if (entries.Count >= MaxServers && !entries.ContainsKey(server))
        {
            entries.Remove(entries.MinBy(e => at(e.Value)).Key);
        }
    }

    private int WeightOf(Answer answer) => answer.IsBiased && !CountsBiased ? 0 : answer.Weight;

    private int Weigh(bool reachable) => _answers.Count == 1
        ? _answers.Values.Where(a => a.Reachable == reachable).Sum(a => Math.Min(WeightOf(a) * a.Repeats, Needed))
        : _answers.Where(a => a.Value.Reachable == reachable)
            .GroupBy(a => ThinWaist.Network(a.Key))
            .Sum(net => Math.Min(net.Sum(a => WeightOf(a.Value)), Math.Max(2 * FullWeight, Needed)));

    private sealed record Answer(bool Reachable, int Weight, bool IsBiased, int Repeats, DateTimeOffset At);
}
