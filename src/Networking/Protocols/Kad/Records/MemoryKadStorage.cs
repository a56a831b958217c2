namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Storage that ends with the process.</summary>
/// <remarks>Not safe for several threads.</remarks>
public sealed class MemoryKadStorage : IKadStorage
{
    private readonly Dictionary<(KadTable Table, string Id), KadStoredEntry> _entries = [];

    /// <inheritdoc/>
    public IReadOnlyList<KadStoredEntry> Load(KadTable table) => [.. _entries.Values.Where(e => e.Table == table)];

    /// <inheritdoc/>
    public void Save(KadStoredEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        _entries[IdOf(entry.Table, entry.Id)] = entry;
    }

    /// <inheritdoc/>
    public void Delete(KadTable table, ReadOnlyMemory<byte> id) => _entries.Remove(IdOf(table, id));

    private static (KadTable Table, string Id) IdOf(KadTable table, ReadOnlyMemory<byte> id) =>
        (table, Convert.ToHexStringLower(id.Span));
}
