namespace P2PLearn.Node.Hosting;

/// <summary>The program's version.</summary>
internal static class ProgramVersion
{
    /// <summary>E.g. 0.1.0.</summary>
    public static string Text { get; } = typeof(ProgramVersion).Assembly.GetName().Version!.ToString(3);
}
