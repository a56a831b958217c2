namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Which store an entry is of. The numbers are those of the tables on the disk.</summary>
public enum KadTable
{
    /// <summary>Values of keys.</summary>
    Records = 0,

    /// <summary>Who provides what.</summary>
    Providers = 1,

    /// <summary>What this node itself tells the network again and again.</summary>
    Announcements = 2,
}

/// <summary>An entry as storage keeps it.</summary>
/// <param name="Table">Which store.</param>
/// <param name="Id">Unique within its table.</param>
/// <param name="Content">What the store made of it; storage does not look inside.</param>
public sealed record KadStoredEntry(KadTable Table, ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> Content);

/// <summary>Where the stores keep their entries over a restart.</summary>
/// <remarks>
/// Safe for several threads. <see cref="Save"/> and <see cref="Delete"/> are called with a store's lock held: they hand over and come back
/// soon; <see cref="FlushAsync"/> waits until what was handed over is durable. The number of entries and their sizes are bounded by the
/// stores' options. The bytes belong to storage once they are handed over.
/// </remarks>
public interface IKadStorage
{
    /// <summary>All entries of a table, in any order. Called before the table's first change.</summary>
    IReadOnlyList<KadStoredEntry> Load(KadTable table);

    /// <summary>Adds an entry, or replaces the one of its id.</summary>
    void Save(KadStoredEntry entry);

    /// <summary>Removes an entry; nothing happens when there is none.</summary>
    void Delete(KadTable table, ReadOnlyMemory<byte> id);

    /// <summary>Ends when all that was handed over before is where it survives a crash.</summary>
    /// <exception cref="IOException">It could not be written; it is tried again later.</exception>
    Task FlushAsync(CancellationToken cancellationToken);
}
