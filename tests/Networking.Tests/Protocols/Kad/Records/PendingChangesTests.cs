using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class PendingChangesTests
{
    [Fact]
    public void Of_an_id_the_latest_change_waits()
    {
        var pending = new PendingChanges(10);
        foreach (TableChange change in (TableChange[])[Put(1, 1), Put(1, 2), Put(2, 3), new(0, new byte[] { 2 }, null)])
        {
            Assert.True(pending.TryAdd(change));
        }

        Assert.Equal(["01=02", "02="], pending.Take().Select(Text).Order());
        Assert.Empty(pending.Take());
    }

    [Fact]
    public void So_many_ids_wait_and_no_more_but_announcements_always_do()
    {
        var pending = new PendingChanges(2);
        Assert.True(pending.TryAdd(Put(1, 1)));
        Assert.True(pending.TryAdd(Put(2, 1)));
        Assert.False(pending.TryAdd(Put(3, 1)));
        Assert.True(pending.TryAdd(Put(2, 2))); // it has its place
        Assert.True(pending.TryAdd(Put(3, 1) with { Table = (int)KadTable.Announcements }));
        Assert.Equal(3, pending.Count);
    }

    [Fact]
    public void What_could_not_be_written_comes_back_unless_there_is_a_later_one()
    {
        var pending = new PendingChanges(10);
        pending.TryAdd(Put(1, 1));
        pending.TryAdd(Put(2, 1));
        IReadOnlyList<TableChange> failed = pending.Take();
        pending.TryAdd(Put(2, 2));
        pending.PutBack(failed);
        Assert.Equal(["01=01", "02=02"], pending.Take().Select(Text).Order());
    }

    private static TableChange Put(byte id, byte content) => new(0, new[] { id }, new[] { content });

    private static string Text(TableChange change) =>
        $"{Convert.ToHexString(change.Id.Span)}={(change.Content is { } content ? Convert.ToHexString(content.Span) : "")}";
}
