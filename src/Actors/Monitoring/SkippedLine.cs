namespace P2PLearn.Actors.Monitoring;

/// <summary>A line of an event log that was not read.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Bytes">Its length, without the line feed.</param>
/// <param name="Reason">Some words: why.</param>
public sealed record SkippedLine(string File, long Line, long Bytes, string Reason);
