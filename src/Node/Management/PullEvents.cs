namespace P2PLearn.Node.Management;

/// <summary>The types of <see cref="PullEventView"/>.</summary>
internal static class PullEvents
{
    /// <summary>Looking for somebody who has the manifest.</summary>
    public const string Searching = "searching";

    /// <summary>Blocks are coming.</summary>
    public const string Fetching = "fetching";

    /// <summary>A model is here, and kept.</summary>
    public const string Kept = "kept";

    /// <summary>A model could not be had.</summary>
    public const string Failed = "failed";

    /// <summary>The end of a pull that has kept something.</summary>
    public const string Done = "done";
}
