using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Looks through the file of <see cref="SqliteKadStorage"/> while no node has it open, and repairs it.</summary>
public static class KadStorageCheck
{
    /// <summary>Added to the name of a file that a repair puts aside.</summary>
    public const string DamagedSuffix = ".damaged";

    /// <summary>Opens the file, has SQLite check it, and reads each entry. Whether values still hold is not looked at: a node does that.</summary>
    /// <param name="path">The file; one that is missing is fine and stays missing.</param>
    /// <param name="repair">
    /// Put right what is wrong: a damaged file is put aside as <c>….damaged</c>, in place of an earlier one, and an empty one made: values and
    /// providers come back from the network, what this node itself put and provided has to be put and provided again. Entries that cannot be
    /// read are deleted.
    /// </param>
    /// <exception cref="IOException">Of a newer version, or it cannot be read, written or moved: nothing to be repaired here.</exception>
    public static KadStorageReport Run(string path, bool repair)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            return new KadStorageReport();
        }

        KadStorageReport report = Read(path, repair);
        if (report.Fault is null || !repair)
        {
            return report;
        }

        string aside = path + DamagedSuffix;
        PutAside(path, aside);
        DurableTables.Open(path).Dispose();
        return report with { MovedTo = aside, IsRepaired = true };
    }

    private static KadStorageReport Read(string path, bool repair)
    {
        try
        {
            using DurableTables tables = DurableTables.Open(path);
            return tables.FindFault() is { } fault
                ? new KadStorageReport { Exists = true, Fault = fault }
                : ReadEntries(tables, repair);
        }
        catch (DurableTablesException e) when (e.Problem == DurableTablesProblem.Damaged)
        {
            return new KadStorageReport { Exists = true, Fault = e.Message };
        }
    }

    private static KadStorageReport ReadEntries(DurableTables tables, bool repair)
    {
        List<TableChange> unreadable = [];
        var report = new KadStorageReport
        {
            Exists = true,
            Records = Readable(KadTable.Records, e => StoredForms.TryRead(e.Content, out ValueRecord? _, out _)),
            Providers = Readable(KadTable.Providers, e => StoredForms.TryRead(e.Content, out _, out _, out _)),
            Announcements = Readable(KadTable.Announcements, e => StoredForms.TryRead(e.Content, out Announcement? _, out _)),
        };
        if (repair)
        {
            tables.Apply(unreadable);
        }

        return report with { Unreadable = unreadable.Count, IsRepaired = repair && unreadable.Count > 0 };

        int Readable(KadTable table, Func<StoredEntry, bool> isReadable)
        {
            IReadOnlyList<StoredEntry> all = tables.Load((int)table);
            TableChange[] bad = [.. all.Where(e => !isReadable(e)).Select(e => new TableChange((int)table, e.Id, null))];
            unreadable.AddRange(bad);
            return all.Count - bad.Length;
        }
    }

    /// <summary>SQLite keeps two files beside its own; a log that is left would be taken for the new file's.</summary>
    private static void PutAside(string path, string aside)
    {
        foreach (string suffix in (string[])["-wal", "-shm", ""])
        {
            if (File.Exists(path + suffix))
            {
                File.Move(path + suffix, aside + suffix, overwrite: true);
            }
            else
            {
                File.Delete(aside + suffix);
            }
        }
    }
}
