using P2PLearn.Networking.Storage;

namespace P2PLearn.Actors.Replication;

/// <summary>What is on the disk of one table, to be compared with what should be. Not safe for several threads.</summary>
/// <typeparam name="TKey">What a row is found by.</typeparam>
/// <typeparam name="TValue">Immutable; a row is written again when it is not equal to the one on the disk.</typeparam>
/// <param name="table">The table's number.</param>
/// <param name="idOf">The bytes of a key.</param>
/// <param name="contentOf">The bytes of a value.</param>
internal sealed class TableImage<TKey, TValue>(int table, Func<TKey, byte[]> idOf, Func<TValue, byte[]> contentOf)
    where TKey : notnull
    where TValue : notnull
{
    private Dictionary<TKey, TValue> _written = [];

    /// <summary>The changes that make the table hold exactly this. Costs one look-up a row; only rows that changed are encoded.</summary>
    /// <param name="wanted">What it should hold.</param>
    /// <param name="changes">Where the changes are added.</param>
    /// <returns>To be given to <see cref="Commit"/> once the changes are on the disk.</returns>
    public Dictionary<TKey, TValue> Compare(IEnumerable<KeyValuePair<TKey, TValue>> wanted, List<TableChange> changes)
    {
        Dictionary<TKey, TValue> target = new(wanted);
        foreach ((TKey key, TValue value) in target)
        {
            if (!_written.TryGetValue(key, out TValue? before) || !before.Equals(value))
            {
                changes.Add(new TableChange(table, idOf(key), contentOf(value)));
            }
        }

        changes.AddRange(_written.Keys.Where(key => !target.ContainsKey(key)).Select(key => new TableChange(table, idOf(key), null)));
        return target;
    }

    /// <summary>The table now holds this.</summary>
    public void Commit(Dictionary<TKey, TValue> target) => _written = target;
}
