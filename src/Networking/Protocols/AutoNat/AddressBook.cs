using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>The addresses of this node that may be public, and what is known of each: pure, the time comes in.</summary>
/// <remarks>
/// What a yes of a server is worth depends on the address. An interface's own address has no NAT before it, and firewalls
/// that keep state let nobody in who dials from a new port: a yes is a yes. A mapping that the router made or the operator
/// configured is for everybody. An observed address belongs to a mapping of the NAT's own, which may let in only those
/// that we have contacted, as every server that we are connected to: their yes counts only once a stranger got through,
/// too (<see cref="AutoNatOptions.RequireStranger"/>); their no counts always. Not safe for several threads.
/// </remarks>
/// <param name="options">Thresholds.</param>
/// <param name="rule">Which addresses are public.</param>
internal sealed class AddressBook(AutoNatOptions options, AddressRule rule)
{
    private readonly Dictionary<Multiaddr, Entry> _entries = [];
    private IReadOnlyList<Multiaddr> _private = [];
    private HashSet<IPEndPoint> _listening = [];

    /// <summary>What is to be tested, the most interesting first.</summary>
    public IReadOnlyList<ProbeTarget> Targets =>
        [.. Ordered.Select(e => new ProbeTarget(e.Address, e.Tracker, NeedsStranger(e)))];

    /// <summary>Whether any address may be public, or not be found out about.</summary>
    public Reachability Overall { get; private set; }

    /// <summary>Whom the NAT or firewall lets in.</summary>
    /// <remarks>Shown by the addresses that depend on it: observed ones and those of interfaces.</remarks>
    public NatFiltering Filtering => Ordered.Where(e => e.Source is AddressSource.Listen or AddressSource.Observed)
        .Select(FilteringOf)
        .DefaultIfEmpty(NatFiltering.Unknown)
        .Max();

    /// <summary>Whether others reach an address of an interface of ours.</summary>
    public bool IsInterfaceReachable =>
        _entries.Values.Any(e => e.Source == AddressSource.Listen && ReachabilityOf(e) == Reachability.Public);

    private IEnumerable<Entry> Ordered => _entries.Values.OrderBy(e => e.Order);

    /// <summary>Takes the addresses as they are now. What is known of those that stay is kept.</summary>
    /// <param name="listening">Those of the interfaces.</param>
    /// <param name="given">Those that somebody else knows of: configured, mapped.</param>
    /// <param name="observed">Those that others see.</param>
    public void Update(
        IReadOnlyList<Multiaddr> listening,
        IEnumerable<(AddressSource Source, Multiaddr Address)> given,
        IReadOnlyList<ObservedAddress> observed)
    {
        _listening = [.. listening.Select(a => ThinWaist.TryGet(a, out IPEndPoint? end) ? end : null).OfType<IPEndPoint>()];
        _private = [.. listening.Where(a => ThinWaist.IpOf(a) is { } ip && !rule.Allows(ip) && !IPAddress.IsLoopback(ip))];
        Dictionary<Multiaddr, int> weights = observed.ToDictionary(o => o.Address, o => o.Observers);
        (AddressSource Source, Multiaddr Address)[] all =
        [
            .. given
                .Concat(listening.Select(a => (AddressSource.Listen, a)))
                .Concat(observed.Select(o => (AddressSource.Observed, o.Address)))
                .Select(c => (c.Item1, Address: ThinWaist.TryGet(c.Item2, out IPEndPoint? end) && rule.Allows(end.Address)
                    ? Multiaddr.FromTcpEndPoint(end)
                    : null))
                .Where(c => c.Address is not null)
                .Select(c => (c.Item1, c.Address!))
                .DistinctBy(c => c.Item2)
                .Take(options.MaxTestedAddresses),
        ];
        foreach (Multiaddr gone in _entries.Keys.Except(all.Select(a => a.Address)).ToList())
        {
            _entries.Remove(gone);
        }

        for (int i = 0; i < all.Length; i++)
        {
            (AddressSource source, Multiaddr address) = all[i];
            ReachabilityTracker tracker =
                _entries.TryGetValue(address, out Entry? entry) ? entry.Tracker : new ReachabilityTracker(options);
            entry ??= new Entry(address, tracker);
            (entry.Source, entry.Order, entry.Seen) = (source, i, weights.GetValueOrDefault(address));
            _entries[address] = entry;
        }
    }

    /// <summary>A server answered, or did not.</summary>
    /// <param name="probe">What it was asked.</param>
    /// <param name="result">What came of it.</param>
    /// <param name="byStranger">The dial-back came from somebody whom we had not contacted.</param>
    /// <param name="now">When.</param>
    public void Take(Probe probe, ProbeResult result, bool byStranger, DateTimeOffset now)
    {
        if (result.Outcome == ProbeOutcome.Refused)
        {
            foreach (Entry entry in probe.Addresses.Select(a => _entries.GetValueOrDefault(a)).OfType<Entry>())
            {
                entry.Tracker.Refused(probe.Server.Ip, now);
            }
        }

        foreach (Entry entry in result.Addresses.Select(a => _entries.GetValueOrDefault(a)).OfType<Entry>())
        {
            bool reachable = result.Outcome == ProbeOutcome.Reachable;
            entry.LetStrangerIn |= byStranger && reachable;
            entry.Tracker.Answered(probe.Server.Ip, reachable, probe.Server.SpeaksV2, reachable && !byStranger, now);
        }
    }

    /// <summary>Somebody whom we had not contacted dialled us, at an address by its own word.</summary>
    public void StrangerDialled(IPEndPoint said, IPAddress from)
    {
        if (_entries.TryGetValue(Multiaddr.FromTcpEndPoint(said), out Entry? entry)
            && entry.Strangers.Count < options.Observers)
        {
            entry.Strangers.Add(ThinWaist.Observer(from));
            entry.LetStrangerIn |= entry.Strangers.Count >= options.Observers;
        }
    }

    /// <summary>Whether a dial to one of our addresses may come in at a local one: itself, if it is an interface's; any that
    /// we listen on, if a NAT stands before it.</summary>
    public bool Fits(Multiaddr asked, IPEndPoint local) =>
        ThinWaist.TryGet(asked, out IPEndPoint? end)
        && (_listening.Contains(end)
            ? end.Equals(local)
            : _listening.Contains(local) && local.AddressFamily == end.AddressFamily);

    /// <summary>Decides anew; call it before reading.</summary>
    /// <param name="mapping">How the NAT chooses ports.</param>
    /// <param name="now">The time.</param>
    public void Decide(NatMapping mapping, DateTimeOffset now)
    {
        foreach (Entry entry in _entries.Values)
        {
            entry.Tracker.CountsBiased = !NeedsStranger(entry);
            entry.Tracker.Decide(now);
            if (entry.Tracker.Verdict == Reachability.Private)
            {
                entry.LetStrangerIn = false; // whoever it was, the door is closed now
                entry.Strangers.Clear();
            }
        }

        Reachability[] all = [.. _entries.Values.Select(ReachabilityOf)];
        bool isHopeful = _entries.Values.Any(e => ReachabilityOf(e) == Reachability.Unknown && e.Tracker.IsPromising);
        Overall = all.Contains(Reachability.Public) ? Reachability.Public
            : isHopeful ? Reachability.Unknown
            : all.Contains(Reachability.Private) ? Reachability.Private
            : mapping == NatMapping.EndpointDependent && all.Length == 0 ? Reachability.Private
            : Reachability.Unknown;
    }

    /// <summary>All addresses, those that may be public first.</summary>
    /// <param name="announced">What others are told of.</param>
    public IReadOnlyList<AddressStatus> Describe(IReadOnlySet<Multiaddr> announced) =>
    [
        .. Ordered.Select(e => new AddressStatus(
            e.Address,
            e.Source,
            ReachabilityOf(e),
            Math.Max(e.Seen, e.Tracker.Servers),
            announced.Contains(e.Address))),
        .. _private.Select(a => new AddressStatus(
            a, AddressSource.Listen, Reachability.Private, Observers: 0, announced.Contains(a))),
    ];

    private bool NeedsStranger(Entry entry) =>
        options.RequireStranger && entry.Source == AddressSource.Observed && !entry.LetStrangerIn;

    private Reachability ReachabilityOf(Entry entry) =>
        entry.Tracker.Verdict == Reachability.Public && NeedsStranger(entry) ? Reachability.Unknown : entry.Tracker.Verdict;

    private static NatFiltering FilteringOf(Entry entry) => entry.Tracker.Verdict switch
    {
        Reachability.Private => NatFiltering.EndpointDependent,
        _ when entry.LetStrangerIn => NatFiltering.EndpointIndependent,
        Reachability.Public when entry.Source == AddressSource.Listen => NatFiltering.EndpointIndependent,
        _ => NatFiltering.Unknown,
    };

    private sealed class Entry(Multiaddr address, ReachabilityTracker tracker)
    {
        public Multiaddr Address { get; } = address;

        public ReachabilityTracker Tracker { get; } = tracker;

        public AddressSource Source { get; set; }

        public int Order { get; set; }

        /// <summary>Observers that see us there.</summary>
        public int Seen { get; set; }

        /// <summary>Who got in without having been contacted, until there are enough.</summary>
        public HashSet<IPAddress> Strangers { get; } = [];

        /// <summary>Somebody got in whom we had not contacted.</summary>
        public bool LetStrangerIn { get; set; }
    }
}
