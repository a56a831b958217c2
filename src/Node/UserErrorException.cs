namespace P2PLearn.Node;

/// <summary>The user's input cannot be used: one line that says what was wrong, where, and what would be right. Exit code 2.</summary>
/// <param name="message">The line, without a full stop at the end and without the program's name.</param>
public sealed class UserErrorException(string message) : Exception(message)
{
    /// <summary>The exit code of every user error.</summary>
    public const int ExitCode = 2;
}
