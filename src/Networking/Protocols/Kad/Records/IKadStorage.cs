namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Which store an entry is of.</summary>
public enum KadTable
{
    /// <summary>Values of keys.</summary>
    Records,

    /// <summary>Who provides what.</summary>
    Providers,
}

/// <summary>An entry as storage keeps it.</summary>
/// <param name="Table">Which store.</param>
/// <param name="Id">Unique within its table.</param>
/// <param name="Content">What the store made of it; storage does not look inside.</param>
public sealed record KadStoredEntry(KadTable Table, ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> Content);

/// <summary>Where the stores keep their entries over a restart.</summary>
/// <remarks>
/// Called by one thread at a time, with the stores' lock held: a call hands over and comes back soon. The number of entries
/// and their sizes are bounded by the stores' options.
/// </remarks>
public interface IKadStorage
{
    /// <summary>All entries of a table, in any order.</summary>
    IReadOnlyList<KadStoredEntry> Load(KadTable table);

    /// <summary>Adds an entry, or replaces the one of its id.</summary>
    void Save(KadStoredEntry entry);

    /// <summary>Removes an entry; nothing happens when there is none.</summary>
    void Delete(KadTable table, ReadOnlyMemory<byte> id);
}
