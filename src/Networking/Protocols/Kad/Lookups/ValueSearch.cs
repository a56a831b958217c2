using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>The values that a search for one key has brought: which is best, who has it, and who has a worse one.</summary>
/// <remarks>Source: libp2p specs, kad-dht, "Getting values". Pure. Not safe for several threads.</remarks>
/// <param name="key">What is searched.</param>
/// <param name="quorum">Valid values from distinct peers that are enough; at least 1.</param>
/// <param name="validators">Which values hold, and which is better.</param>
internal sealed class ValueSearch(ReadOnlyMemory<byte> key, int quorum, RecordValidators validators)
{
    private readonly HashSet<PeerId> _answered = [];
    private readonly List<PeerId> _holders = [];
    private readonly List<PeerId> _outdated = [];

    /// <summary>The best value so far; null before the first.</summary>
    public ReadOnlyMemory<byte>? Best { get; private set; }

    /// <summary>Who had a value that holds.</summary>
    public int Count => _answered.Count;

    /// <summary>Enough have answered.</summary>
    public bool HasQuorum => Count >= quorum;

    /// <summary>Who has the best one.</summary>
    public IReadOnlyList<PeerId> Holders => _holders;

    /// <summary>Who has a worse one: to be told of the best.</summary>
    public IReadOnlyList<PeerId> Outdated => _outdated;

    /// <summary>A peer answered.</summary>
    /// <returns>What the validator said of its record; Valid also when it had none.</returns>
    public RecordCheck Add(PeerId peer, ValueRecord? record, DateTimeOffset now)
    {
        if (record is null)
        {
            return RecordCheck.Valid;
        }

        RecordCheck check = record.Key.Span.SequenceEqual(key.Span)
            ? validators.Validate(key.Span, record.Value.Span, now)
            : RecordCheck.WrongKey;
        if (check == RecordCheck.Valid && _answered.Add(peer))
        {
            Compare(peer, record.Value);
        }

        return check;
    }

    private void Compare(PeerId peer, ReadOnlyMemory<byte> value)
    {
        int order = Best is { } best ? validators.Compare(key.Span, value.Span, best.Span) : 1;
        if (order > 0)
        {
            _outdated.AddRange(_holders);
            _holders.Clear();
            Best = value;
        }

        (order >= 0 ? _holders : _outdated).Add(peer);
    }
}
