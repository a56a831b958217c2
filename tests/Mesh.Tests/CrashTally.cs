namespace P2PLearn.Mesh.Tests;

/// <summary>What was looked for after kills, and what was not found.</summary>
internal sealed class CrashTally
{
    private const int KillsPerReport = 10;

    private readonly Dictionary<string, int> _counts = [];
    private readonly Dictionary<string, int> _sights = [];

    /// <summary>What is missing or wrong, a line each.</summary>
    public List<string> Missing { get; } = [];

    /// <summary>Notes entries of a kind that were looked for.</summary>
    public void Checked(string kind, int count = 1) => _counts[kind] = _counts.GetValueOrDefault(kind) + count;

    /// <summary>Notes a kill that has been looked at; says now and then how it stands, for a long run may be ended before it can say so at its end.</summary>
    public void Kill()
    {
        Checked("kills");
        if (_counts["kills"] % KillsPerReport == 0)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(ToString());
        }
    }

    /// <summary>Notes something half done that a kill left behind, as it may.</summary>
    public void Saw(string what, int count)
    {
        if (count > 0)
        {
            _sights[what] = _sights.GetValueOrDefault(what) + count;
        }
    }

    /// <summary>Looks for one entry.</summary>
    public void Require(string kind, bool isThere, string otherwise)
    {
        Checked(kind);
        if (!isThere)
        {
            Missing.Add(otherwise);
        }
    }

    public override string ToString() =>
        $"{string.Join(", ", _counts.Select(c => $"{c.Value} {c.Key}"))}; left half done by a kill: "
        + $"{(_sights.Count == 0 ? "nothing" : string.Join(", ", _sights.Select(s => $"{s.Value} {s.Key}")))}; missing: {Missing.Count}";
}
