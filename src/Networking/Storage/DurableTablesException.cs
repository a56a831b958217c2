namespace P2PLearn.Networking.Storage;

/// <summary>Why tables could not be opened, read or written.</summary>
public enum DurableTablesProblem
{
    /// <summary>The file is not SQLite's, or not whole.</summary>
    Damaged,

    /// <summary>It was written by a newer version of this program.</summary>
    NewerVersion,

    /// <summary>The disk, or this user's share of it, is full.</summary>
    DiskFull,

    /// <summary>Reading or writing failed.</summary>
    Failed,
}

/// <summary>Tables could not be opened, read or written. What they hold is as it was.</summary>
public sealed class DurableTablesException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">Why.</param>
    /// <param name="message">What happened to which file, one line for a person.</param>
    /// <param name="inner">What the system said, if it did.</param>
    public DurableTablesException(DurableTablesProblem problem, string message, Exception? inner = null)
        : base(message, inner) => Problem = problem;

    /// <summary>Why.</summary>
    public DurableTablesProblem Problem { get; }
}
