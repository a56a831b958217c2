namespace P2PLearn.Networking.Storage;

/// <summary>What is to stand in a table from now on.</summary>
/// <param name="Table">Which one; any number, the caller's.</param>
/// <param name="Id">The entry's id within the table.</param>
/// <param name="Content">What replaces the entry or makes it; null deletes it, if there is one.</param>
public readonly record struct TableChange(int Table, ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte>? Content);
