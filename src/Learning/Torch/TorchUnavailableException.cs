namespace P2PLearn.Learning.Torch;

/// <summary>Why libtorch cannot be used on this machine.</summary>
public enum TorchProblem
{
    /// <summary>The operating system and processor have no build of libtorch that this binding knows.</summary>
    WrongPlatform,

    /// <summary>The library is nowhere to be found, or the system refuses to load it.</summary>
    Missing,

    /// <summary>The library is of another version than the one this binding was written for.</summary>
    WrongVersion,

    /// <summary>The library lacks a function that this binding needs.</summary>
    MissingFunction,
}

/// <summary>libtorch cannot be used; the message is one line that says what to do.</summary>
public sealed class TorchUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    public TorchUnavailableException(TorchProblem problem, string message, Exception? innerException = null)
        : base(message, innerException) => Problem = problem;

    /// <summary>What is wrong.</summary>
    public TorchProblem Problem { get; }
}
