namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>What became of something that was to be stored.</summary>
internal enum PutOutcome
{
    /// <summary>It is stored, or was already and lives longer now.</summary>
    Stored,

    /// <summary>The validator refused it.</summary>
    Invalid,

    /// <summary>A better one is held.</summary>
    Older,

    /// <summary>The peer that put it has its share.</summary>
    PeerFull,

    /// <summary>There are as many as may be, all nearer to us.</summary>
    Full,
}
