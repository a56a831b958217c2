namespace P2PLearn.Actors.Rounds;

/// <summary>This node can train no more. The message is one line for a person that names the file or the step, and the cause.</summary>
public sealed class LearningFailedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One line without a full stop at the end.</param>
    /// <param name="cause">What had happened; null when the message says it all.</param>
    public LearningFailedException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    /// <summary>The progress file cannot be used: a restart finds it as it is, until somebody puts it aside.</summary>
    public bool IsProgressDamaged { get; init; }
}
