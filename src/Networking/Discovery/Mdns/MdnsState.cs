using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>mDNS discovery without sockets and clock: packets and the time in, packets and peers out.</summary>
/// <remarks>
/// Sources: libp2p specs, discovery/mdns; RFC 6762, 5.2 (questions), 6 (answers), 7.3 (a question heard counts as ours), 10.1 (leave).
/// Each link has a pace of its own: fast questions when it comes up, an answer to itself after each question, so that others learn of us
/// without asking, and at most one answer a pause.
/// Deviation: every answer is multicast. A question from another port than 5353 (RFC 6762, 6.7, legacy unicast) and one that wants a
/// unicast answer are answered to all, since rust-libp2p asks and answers from a port of its own and listens on 5353; for the same reason
/// an answer's source port says nothing. Known answers in a question (7.1) are ignored, as by all libp2p implementations: the PTR record
/// does not say whether the addresses have changed. Not safe for several threads.
/// </remarks>
/// <param name="options">Validated.</param>
/// <param name="local">Who we are.</param>
/// <param name="peerName">The label that stands for us: random, <see cref="PeerNameLength"/> lower-case letters and digits.</param>
/// <param name="random">Spreads questions and answers.</param>
internal sealed class MdnsState(MdnsOptions options, PeerId local, string peerName, Random random)
{
    /// <summary>Characters of a peer name: the spec asks for 32 at least, a label holds 63.</summary>
    public const int PeerNameLength = 32;

    private static readonly DnsName MetaService = DnsName.Parse("_services._dns-sd._udp.local");
    private readonly DnsName _service = DnsName.Parse(options.ServiceName);
    private readonly DnsName _name = DnsName.Parse(options.ServiceName).Child(peerName);
    private readonly Dictionary<int, LinkState> _links = [];
    private readonly MdnsSightings _sightings = new(options);

    /// <summary>When <see cref="Tick"/> next has something to do; null: never, until something happens.</summary>
    public TimeSpan? NextDue => _links.Count == 0 ? null : _links.Values.Min(l => l.NextDue);

    /// <summary>Peers remembered.</summary>
    public int PeerCount => _sightings.Count;

    /// <summary>Takes over the interfaces there are now. One that is new, or has other subnets, starts with fast questions.</summary>
    public void SetLinks(IReadOnlyList<MdnsLink> links, TimeSpan now)
    {
        foreach (int index in _links.Keys.Except(links.Select(l => l.Index)).ToList())
        {
            _links.Remove(index);
            _sightings.ForgetLink(index);
        }

        foreach (MdnsLink link in links)
        {
            if (_links.TryGetValue(link.Index, out LinkState? state) && state.Link.IsSame(link))
            {
                state.Link = link;
            }
            else
            {
                _links[link.Index] = new LinkState(link, options.FirstQueryWait, now + Jitter());
            }
        }
    }

    /// <summary>Our addresses have changed: tell everybody, though nobody asks.</summary>
    public void Announce(TimeSpan now)
    {
        foreach (LinkState link in _links.Values)
        {
            link.Answer.Ask(now + Jitter());
        }
    }

    /// <summary>Sends what is due.</summary>
    /// <param name="now">The time.</param>
    /// <param name="addresses">Where we may be dialled, the best first; with none there is no answer.</param>
    public IReadOnlyList<MdnsPacket> Tick(TimeSpan now, IReadOnlyList<Multiaddr> addresses)
    {
        List<MdnsPacket> packets = [];
        foreach (LinkState link in _links.Values)
        {
            if (link.NextQuery <= now)
            {
                packets.Add(new MdnsPacket(link.Link, Question()));
                link.Asked(now, options.QueryInterval, Spread());
                link.Answer.Ask(now + Jitter()); // the spec: a peer answers its own question
            }

            if (link.Answer.TryTake(now, options.AnswerPause)
                && MdnsAnnouncement.Write(options, _service, _name, local, link.Link, addresses) is { } answer)
            {
                link.IsKnown = true;
                packets.Add(new MdnsPacket(link.Link, answer));
            }

            if (link.MetaAnswer.TryTake(now, options.AnswerPause))
            {
                packets.Add(new MdnsPacket(link.Link, Pointer(MetaService, options.AnswerTtl, _service)));
            }
        }

        return packets;
    }

    /// <summary>Takes a packet.</summary>
    /// <param name="index">The interface it came in on.</param>
    /// <param name="source">The address it says it comes from.</param>
    /// <param name="packet">Untrusted; not kept.</param>
    /// <param name="now">The time.</param>
    public MdnsReceipt Receive(int index, IPAddress source, ReadOnlyMemory<byte> packet, TimeSpan now)
    {
        if (!_links.TryGetValue(index, out LinkState? link))
        {
            return new(MdnsOutcome.Ignored);
        }

        // RFC 6762, 11: who is not on the link has no say. The check is before the parse, which costs more.
        if (!link.Link.IsOnLink(source))
        {
            return new(MdnsOutcome.OffLink);
        }

        if (!link.TryCount(now, options.MaxPacketsPerSecond))
        {
            return new(MdnsOutcome.Throttled);
        }

        if (!DnsReader.TryRead(packet, out DnsMessage? message))
        {
            return new(MdnsOutcome.Malformed);
        }

        return message.IsResponse ? TakeResponse(link, source, message, now) : TakeQuery(link, message, now);
    }

    /// <summary>Takes our leave: on each link where we have answered, the pointer to us with no life left.</summary>
    /// <remarks>Without addresses: js-libp2p, which looks at no time of life, would take them for news.</remarks>
    public IReadOnlyList<MdnsPacket> Stop() =>
        [.. _links.Values.Where(l => l.IsKnown).Select(l => new MdnsPacket(l.Link, Pointer(_service, TimeSpan.Zero, _name)))];

    private MdnsReceipt TakeQuery(LinkState link, DnsMessage message, TimeSpan now)
    {
        bool isForAll = message.Questions.Any(q => q.Asks(_service, DnsType.Ptr));
        bool isForUs = message.Questions.Any(q => q.Asks(_name, DnsType.Txt));
        bool isForServices = message.Questions.Any(q => q.Asks(MetaService, DnsType.Ptr));
        if (isForAll || isForUs)
        {
            link.Answer.Ask(now + Jitter());
        }

        if (isForServices)
        {
            link.MetaAnswer.Ask(now + Jitter());
        }

        if (isForAll)
        {
            link.HeardQuery(now, options.QueryInterval, Spread());
        }

        return new(isForAll || isForUs || isForServices ? MdnsOutcome.Query : MdnsOutcome.Ignored);
    }

    private MdnsReceipt TakeResponse(LinkState link, IPAddress source, DnsMessage message, TimeSpan now)
    {
        PtrRecord[] left = [.. message.Answers.OfType<PtrRecord>().Where(p => p.Ttl == TimeSpan.Zero && p.Name.Equals(_service))];
        if (left.Length > 0)
        {
            _sightings.Forget([.. left.Select(p => p.Target)], link.Link.Index);
            return new(MdnsOutcome.Gone);
        }

        MdnsOutcome outcome = MdnsAnnouncement.Read(
            message, _service, options.MaxAddressesPerPeer, link.Link.IsOwn(source), out MdnsAnnouncement? announcement);
        if (announcement is null)
        {
            return new(outcome);
        }

        if (announcement.Peer == local)
        {
            return new(MdnsOutcome.Own);
        }

        outcome = _sightings.Note(announcement, link.Link.Index, source, now);
        return new(outcome, outcome == MdnsOutcome.Found ? announcement : null);
    }

    private byte[] Question() =>
        MdnsAnnouncement.Bytes(new DnsMessage(false, [new DnsQuestion(_service, DnsType.Ptr)], [], []));

    private static byte[] Pointer(DnsName name, TimeSpan ttl, DnsName target) =>
        MdnsAnnouncement.Bytes(new DnsMessage(true, [], [new PtrRecord(name, ttl, target)], []));

    private TimeSpan Jitter() =>
        options.MinAnswerDelay + ((options.MaxAnswerDelay - options.MinAnswerDelay) * random.NextDouble());

    /// <summary>Up to a tenth of the interval: which of many silent peers asks next is chance.</summary>
    private TimeSpan Spread() => options.QueryInterval * (random.NextDouble() / 10);

    /// <summary>The pace of one link.</summary>
    private sealed class LinkState(MdnsLink link, TimeSpan firstWait, TimeSpan firstQuery)
    {
        private TimeSpan _wait = firstWait;
        private bool _isSteady; // the fast questions are over
        private TimeSpan _secondEnds;
        private int _packetCount;

        public MdnsLink Link { get; set; } = link;

        public TimeSpan NextQuery { get; private set; } = firstQuery;

        public PacedAnswer Answer { get; } = new();

        public PacedAnswer MetaAnswer { get; } = new();

        /// <summary>Whether others may have us in their caches.</summary>
        public bool IsKnown { get; set; }

        public TimeSpan NextDue => Min(Min(NextQuery, Answer.Due), MetaAnswer.Due);

        public void Asked(TimeSpan now, TimeSpan interval, TimeSpan spread)
        {
            _isSteady = _wait >= interval;
            NextQuery = now + (_isSteady ? interval + spread : _wait);
            _wait = Min(_wait * 2, interval);
        }

        /// <summary>After the first minute somebody else's question spares ours: its answers come to us too.</summary>
        public void HeardQuery(TimeSpan now, TimeSpan interval, TimeSpan spread)
        {
            if (_isSteady)
            {
                NextQuery = now + interval + spread;
            }
        }

        /// <summary>Counts a packet; false when this second has had its share.</summary>
        public bool TryCount(TimeSpan now, int max)
        {
            if (now >= _secondEnds)
            {
                _secondEnds = now + TimeSpan.FromSeconds(1);
                _packetCount = 0;
            }

            return ++_packetCount <= max;
        }

        private static TimeSpan Min(TimeSpan a, TimeSpan? b) => b < a ? b.Value : a;
    }

    /// <summary>At most one answer waits, and between two passes the pause.</summary>
    private sealed class PacedAnswer
    {
        private TimeSpan _notBefore = TimeSpan.MinValue;

        public TimeSpan? Due { get; private set; }

        public void Ask(TimeSpan at) => Due ??= at > _notBefore ? at : _notBefore;

        public bool TryTake(TimeSpan now, TimeSpan pause)
        {
            if (!(Due <= now))
            {
                return false;
            }

            Due = null;
            _notBefore = now + pause;
            return true;
        }
    }
}
