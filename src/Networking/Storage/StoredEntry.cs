namespace P2PLearn.Networking.Storage;

/// <summary>What a table has under an id. Whoever gets it owns the bytes.</summary>
/// <param name="Id">Unique within its table; at least 0 bytes.</param>
/// <param name="Content">At least 0 bytes.</param>
public sealed record StoredEntry(byte[] Id, byte[] Content);
