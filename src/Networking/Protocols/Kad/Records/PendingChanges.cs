using P2PLearn.Networking.Protocols.Kad.Routing;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>What is to be written, one change an id: the latest.</summary>
/// <remarks>Pure. Not safe for several threads.</remarks>
/// <param name="max">Ids at once. This node's own announcements do not count: their store bounds them, and none may be left out.</param>
internal sealed class PendingChanges(int max)
{
    private Dictionary<(int Table, KadKey Id), TableChange> _changes = [];

    /// <summary>Ids that wait.</summary>
    public int Count => _changes.Count;

    /// <summary>A further change.</summary>
    /// <returns>False when there is no room for its id.</returns>
    public bool TryAdd(TableChange change)
    {
        (int, KadKey) id = IdOf(change);
        if (_changes.Count >= max && change.Table != (int)KadTable.Announcements && !_changes.ContainsKey(id))
        {
            return false;
        }

        _changes[id] = change;
        return true;
    }

    /// <summary>All of them; none is left.</summary>
    public IReadOnlyList<TableChange> Take()
    {
        IReadOnlyList<TableChange> taken = [.. _changes.Values];
        _changes = [];
        return taken;
    }

    /// <summary>Changes that were taken and not made, to be taken again, unless there is a later one of the same id.</summary>
    public void PutBack(IEnumerable<TableChange> changes)
    {
        foreach (TableChange change in changes)
        {
            _changes.TryAdd(IdOf(change), change);
        }
    }

    private static (int Table, KadKey Id) IdOf(TableChange change) => (change.Table, KadKey.Of(change.Id.Span));
}
