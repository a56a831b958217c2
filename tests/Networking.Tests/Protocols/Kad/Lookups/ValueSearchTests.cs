using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Tests.Protocols.Kad.Records;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Lookups;

public sealed class ValueSearchTests
{
    private static readonly byte[] Key = AnyValidator.Key(1);
    private readonly ValueSearch _search = new(Key, 3, AnyValidator.Only);

    [Fact]
    public void The_best_value_wins_and_who_had_a_worse_one_is_to_be_corrected()
    {
        Add(1, "b");
        Add(2, "a");
        Add(3, "b");
        Assert.True(_search.HasQuorum);
        Assert.Equal([KadSamples.Id(1), KadSamples.Id(3)], _search.Holders);
        Add(4, "c");
        Assert.Equal("c"u8.ToArray(), _search.Best!.Value.ToArray());
        Assert.Equal([KadSamples.Id(4)], _search.Holders);
        Assert.Equal([KadSamples.Id(2), KadSamples.Id(1), KadSamples.Id(3)], _search.Outdated);
    }

    [Fact]
    public void Values_that_do_not_hold_count_for_nothing()
    {
        Assert.Equal(RecordCheck.BadSignature, Add(1, "!forged"));
        Assert.Equal(
            RecordCheck.WrongKey,
            _search.Add(KadSamples.Id(2), new ValueRecord(AnyValidator.Key(2), "a"u8.ToArray(), null), KadSamples.Start));
        Assert.Equal(RecordCheck.Valid, _search.Add(KadSamples.Id(3), null, KadSamples.Start));
        Assert.Equal((0, false, null), (_search.Count, _search.HasQuorum, _search.Best));
    }

    [Fact]
    public void One_peer_has_one_voice()
    {
        Add(1, "a");
        Add(1, "a");
        Add(1, "b");
        Assert.Equal((1, false), (_search.Count, _search.HasQuorum));
    }

    private RecordCheck Add(int peer, string value) => _search.Add(
        KadSamples.Id(peer), new ValueRecord(Key, System.Text.Encoding.UTF8.GetBytes(value), null), KadSamples.Start);
}
