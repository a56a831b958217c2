using System.Buffers.Binary;
using System.Security.Cryptography;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

/// <summary>Nodes, the messages between them, and virtual time. The same seed gives the same run.</summary>
internal sealed class SimNetwork(SimOptions options)
{
    private readonly PriorityQueue<Action, (DateTimeOffset At, long Order)> _events = new();
    private readonly Dictionary<PeerId, SimNode> _byPeer = [];
    private readonly HashSet<(int, int)> _connected = [];
    private long _order;

    public SimOptions Options => options;

    public Random Random { get; } = new(options.Seed);

    public DateTimeOffset Now { get; private set; } = KadSamples.Start;

    public List<SimNode> Nodes { get; } = [];

    public long Requests { get; private set; }

    public long CodedMessages { get; private set; }

    public long CodedBytes { get; private set; }

    public IReadOnlyList<SimNode> Honest => [.. Nodes.Where(n => n is { IsAlive: true, IsAdversary: false })];

    /// <summary>Adds a node, known to nobody.</summary>
    public SimNode Add(bool isAdversary = false, ReadOnlySpan<byte> near = default)
    {
        int number = Nodes.Count;
        int net = isAdversary && options.AdversaryNets > 0 ? number % options.AdversaryNets : 1_000 + number;
        var node = new SimNode(number, IdOf(number, near), $"{20 + (net >> 8)}.{net & 255}.{number & 255}.{1 + (number >> 8)}", Now)
        {
            IsAdversary = isAdversary,
        };
        Nodes.Add(node);
        _byPeer.Add(node.Self.Peer, node);
        return node;
    }

    /// <summary>Sends a request; the answer, or null after the time for one is over, comes back in virtual time.</summary>
    public void Ask(SimNode from, PeerId to, KadMessage request, Action<KadMessage?> answered)
    {
        Requests++;
        bool isDone = false;
        void Done(KadMessage? answer)
        {
            if (!isDone)
            {
                isDone = true;
                answered(answer);
            }
        }

        After(options.Lookup.RequestTimeout, () =>
        {
            if (!isDone)
            {
                from.Table.Failed(to);
                Done(null);
            }
        });
        if (!_byPeer.TryGetValue(to, out SimNode? target))
        {
            return; // an invented peer
        }

        TimeSpan delay = DelayOf(from, target);
        bool isNew = _connected.Add((Math.Min(from.Number, target.Number), Math.Max(from.Number, target.Number)));
        After(isNew ? delay + (2 * options.DialRoundTrips * delay) : delay, () => Serve(from, target, request, delay, Done));
    }

    public void After(TimeSpan delay, Action act) => _events.Enqueue(act, (Now + delay, _order++));

    /// <summary>Lets time pass until nothing is left to happen, or a condition holds.</summary>
    public void RunUntil(Func<bool> condition)
    {
        while (!condition() && _events.TryDequeue(out Action? act, out (DateTimeOffset At, long Order) at))
        {
            Now = at.At;
            act();
        }
    }

    private void Serve(SimNode from, SimNode target, KadMessage request, TimeSpan delay, Action<KadMessage?> answered)
    {
        if (!target.IsAlive || !from.IsAlive)
        {
            return;
        }

        target.Table.Seen(from.Self, [from.Ip], Now, out _); // as identify does
        KadMessage? answer = target.IsAdversary ? Lie(request) : target.Responder.Answer(Coded(request), from.Asker, Now);
        if (answer is null)
        {
            return;
        }

        After(delay, () =>
        {
            from.Table.Seen(target.Self, [target.Ip], Now, out _);
            answered(Coded(answer));
        });
    }

    /// <summary>The twenty adversaries closest to what is asked, and nothing else; puts are echoed and forgotten.</summary>
    private KadMessage Lie(KadMessage request)
    {
        KadKey target = KadKey.Of(request.Key.Span);
        return request with
        {
            CloserPeers = [.. Nodes.Where(n => n.IsAdversary).OrderBy(n => n.Table.SelfKey.DistanceTo(target)).Take(20).Select(n => n.Self)],
        };
    }

    private KadMessage Coded(KadMessage message)
    {
        if (options.CodecEvery == 0 || Requests % options.CodecEvery != 0)
        {
            return message;
        }

        byte[] bytes = KadCodec.Encode(message);
        CodedMessages++;
        CodedBytes += bytes.Length;
        return KadCodec.Decode(bytes, KadLimits.MaxRequestBytes);
    }

    private TimeSpan DelayOf(SimNode a, SimNode b)
    {
        uint mixed = (uint)HashOf(Math.Min(a.Number, b.Number), Math.Max(a.Number, b.Number));
        return options.MinDelay + ((options.MaxDelay - options.MinDelay) * (mixed / (double)uint.MaxValue));
    }

    private int HashOf(int low, int high)
    {
        Span<byte> input = stackalloc byte[12], hash = stackalloc byte[32];
        BinaryPrimitives.WriteInt32BigEndian(input, options.Seed);
        BinaryPrimitives.WriteInt32BigEndian(input[4..], low);
        BinaryPrimitives.WriteInt32BigEndian(input[8..], high);
        SHA256.HashData(input, hash);
        return BinaryPrimitives.ReadInt32BigEndian(hash);
    }

    /// <summary>An id at random, or one ground until it shares bits with a key.</summary>
    private PeerId IdOf(int number, ReadOnlySpan<byte> near)
    {
        if (near.IsEmpty)
        {
            return KadSamples.Id(HashOf(number, -1));
        }

        KadKey place = KadKey.Of(near);
        for (int i = 0; ; i++)
        {
            PeerId id = KadSamples.Id(HashOf(number, -2 - i));
            if (KadKey.Of(id).CommonPrefixLength(place) >= options.SybilPrefix)
            {
                return id;
            }
        }
    }
}
