namespace P2PLearn.Node.Doctor;

/// <summary>What a check found.</summary>
/// <param name="State">How it ended.</param>
/// <param name="What">One line: what is there, or what is wrong.</param>
/// <param name="Remedy">One line: what would be right; null when nothing is to be done.</param>
internal sealed record Finding(FindingState State, string What, string? Remedy = null)
{
    public static Finding Ok(string what) => new(FindingState.Ok, what);

    public static Finding Note(string what, string? remedy = null) => new(FindingState.Note, what, remedy);

    public static Finding Repaired(string what) => new(FindingState.Repaired, what);

    public static Finding Problem(string what, string remedy) => new(FindingState.Problem, what, remedy);
}
