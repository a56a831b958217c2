using System.Globalization;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Tests.Attestations;
using P2PLearn.Crdt.Tests.Contributions;

namespace P2PLearn.Crdt.Tests;

/// <summary>
/// Replicas of both replicated sets and a network between them that loses, repeats, reorders and cuts off, all from one seed: what
/// arrives is merged as from strangers, signatures checked.
/// </summary>
internal sealed class ReplicaNetwork
{
    private static readonly ContributionScope Scope = new()
    {
        Runs = new Dictionary<RunId, RunScope>
        {
            [Samples.FirstRun] = new(uint.MaxValue, uint.MaxValue),
            [Samples.SecondRun] = new(uint.MaxValue, uint.MaxValue),
        },
    };

    private static readonly AttestationScope AnybodyScope = new();
    private readonly Random _random;
    private readonly TestSigner _verifier = new();
    private readonly ContributionSet[] _contributions;
    private readonly AttestationSet[] _attestations;
    private readonly int[] _side;
    private readonly int[] _turns;
    private readonly List<Message> _inFlight = [];
    private readonly List<Message> _lost = [];
    private ContributionSet _allContributions = ContributionSet.Bottom;
    private AttestationSet _allAttestations = AttestationSet.Bottom;
    private int _turn;

    public ReplicaNetwork(int replicas, int seed)
    {
        _random = new Random(seed);
        _contributions = [.. Enumerable.Repeat(ContributionSet.Bottom, replicas)];
        _attestations = [.. Enumerable.Repeat(AttestationSet.Bottom, replicas)];
        _side = new int[replicas];
        _turns = [.. Enumerable.Range(0, replicas)];
        _random.Shuffle(_turns);
    }

    /// <summary>Bytes of all deltas sent, repeated and lost ones counted each time.</summary>
    public long DeltaBytes { get; private set; }

    /// <summary>Bytes that the same messages would have had if each had been the sender's whole state.</summary>
    public long StateBytes { get; private set; }

    public int Sent { get; private set; }

    public int Lost { get; private set; }

    public int Repeated { get; private set; }

    /// <summary>The states that the replicas are in, by digest.</summary>
    public IReadOnlyCollection<string> Digests =>
        [.. _contributions.Zip(_attestations).Select(replica => $"{replica.First.Digest()} {replica.Second.Digest()}").Distinct()];

    /// <summary>The digest of everything that was ever said, joined in the order in which it was said.</summary>
    public string Expected => $"{_allContributions.Digest()} {_allAttestations.Digest()}";

    /// <summary>Cuts the replicas into groups that hear nothing of each other; one group heals.</summary>
    public void Partition(int groups)
    {
        for (int i = 0; i < _side.Length; i++)
        {
            _side[i] = _random.Next(groups);
        }
    }

    /// <summary>Some replicas say something, in turn; between two of them some messages arrive, or do not.</summary>
    public void Run(int speakers, int deliveriesBetween)
    {
        for (int speaker = 0; speaker < speakers; speaker++)
        {
            Say(_turns[_turn++ % _turns.Length]);
            for (int i = 0; i < deliveriesBetween && _inFlight.Count > 0; i++)
            {
                DeliverOne(faulty: true);
            }
        }
    }

    /// <summary>What was lost is sent again, and everything arrives at last, in random order.</summary>
    public void Settle()
    {
        foreach (Message message in _lost)
        {
            Send(message);
        }

        _lost.Clear();
        while (_inFlight.Count > 0)
        {
            DeliverOne(faulty: false);
        }
    }

    private void Say(int replica)
    {
        Delta delta = Mutate(replica);
        int deltaBytes = ContributionSetCodec.Encode(delta.Contributions).Length + AttestationSetCodec.Encode(delta.Attestations).Length;
        int stateBytes = ContributionSetCodec.Encode(_contributions[replica]).Length + AttestationSetCodec.Encode(_attestations[replica]).Length;
        for (int to = 0; to < _side.Length; to++)
        {
            if (to != replica)
            {
                Send(new Message(replica, to, delta, deltaBytes, stateBytes));
            }
        }
    }

    /// <summary>One contribution, now and then a conflicting one or a watermark, and one attestation, now and then of an earlier version.</summary>
    private Delta Mutate(int replica)
    {
        int run = _random.Next(2);
        uint round = (uint)_random.Next(6);
        (ContributionSet contributions, ContributionSet delta) = _random.Next(20) == 0
            ? _contributions[replica].Prune(run == 0 ? Samples.FirstRun : Samples.SecondRun, round / 2)
            : _contributions[replica].Add(Samples.Create(run, round, _random.Next(10) == 0 ? 0 : replica, _random.Next(5)));
        (AttestationSet attestations, AttestationSet added) = _attestations[replica].Add(AttestationSamples.Create(
            (AttestationKind)_random.Next(1, 4), run, _random.Next(10) == 0 ? 0 : replica, (uint)_random.Next(8), _random.Next(3)));
        (_contributions[replica], _attestations[replica]) = (contributions, attestations);
        (_allContributions, _allAttestations) = (_allContributions.Join(delta), _allAttestations.Join(added));
        return new Delta(delta, added);
    }

    private void Send(Message message)
    {
        _inFlight.Add(message);
        Sent++;
        DeltaBytes += message.DeltaBytes;
        StateBytes += message.StateBytes;
    }

    private void DeliverOne(bool faulty)
    {
        int place = _random.Next(_inFlight.Count);
        Message message = _inFlight[place];
        _inFlight[place] = _inFlight[^1];
        _inFlight.RemoveAt(_inFlight.Count - 1);
        if (faulty && (_side[message.From] != _side[message.To] || _random.Next(7) == 0))
        {
            _lost.Add(message);
            Lost++;
            return;
        }

        Merge(message);
        if (faulty && _random.Next(10) == 0)
        {
            Send(message); // it arrives again, later
            Repeated++;
        }
    }

    private void Merge(Message message)
    {
        ref ContributionSet contributions = ref _contributions[message.To];
        ContributionMerge merge = contributions.Merge(message.Delta.Contributions, _verifier, Scope);
        ref AttestationSet attestations = ref _attestations[message.To];
        AttestationMerge other = attestations.Merge(message.Delta.Attestations, _verifier, AnybodyScope);
        if (merge.OutOfScope + merge.OverLimit + merge.BadSignature + other.OutOfScope + other.OverLimit + other.BadSignature > 0)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{merge} {other}"));
        }

        (contributions, attestations) = (merge.State, other.State);
    }

    private sealed record Delta(ContributionSet Contributions, AttestationSet Attestations);

    private readonly record struct Message(int From, int To, Delta Delta, int DeltaBytes, int StateBytes);
}
