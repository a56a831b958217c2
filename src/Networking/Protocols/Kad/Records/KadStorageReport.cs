namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>What looking through the file of a DHT's storage found.</summary>
public sealed record KadStorageReport
{
    /// <summary>There is such a file. A node that never had one is fine.</summary>
    public bool Exists { get; init; }

    /// <summary>Values that can be read.</summary>
    public int Records { get; init; }

    /// <summary>Providers that can be read.</summary>
    public int Providers { get; init; }

    /// <summary>Announcements of this node that can be read.</summary>
    public int Announcements { get; init; }

    /// <summary>Entries that cannot be read. A node drops them when it starts, a repair now.</summary>
    public int Unreadable { get; init; }

    /// <summary>What is wrong with the file, one line; null when it is sound.</summary>
    public string? Fault { get; init; }

    /// <summary>Where a repair put the damaged file; null when it did not have to.</summary>
    public string? MovedTo { get; init; }

    /// <summary>What was found has been put right.</summary>
    public bool IsRepaired { get; init; }

    /// <summary>Nothing is wrong.</summary>
    public bool IsClean => Fault is null && Unreadable == 0;
}
