using System.Text.Json;
using System.Text.Json.Nodes;

namespace P2PLearn.Node.Doctor;

/// <summary>What the doctor says.</summary>
internal static class DoctorReport
{
    private const int StateWidth = 10;

    /// <summary>A line for each check.</summary>
    public static string Text(IReadOnlyList<(string Check, Finding Finding)> findings)
    {
        int width = findings.Max(f => f.Check.Length) + 2;
        return string.Concat(findings.Select(f =>
            $"{f.Check.PadRight(width)}{Name(f.Finding.State).PadRight(StateWidth)}{f.Finding.What}{(f.Finding.Remedy is { } r ? "; " + r : "")}\n"));
    }

    /// <summary>An array with an object for each check: check, state, what, remedy.</summary>
    public static string Json(IReadOnlyList<(string Check, Finding Finding)> findings) =>
        new JsonArray([.. findings.Select(f => (JsonNode)new JsonObject
        {
            ["check"] = f.Check,
            ["state"] = Name(f.Finding.State),
            ["what"] = f.Finding.What,
            ["remedy"] = f.Finding.Remedy,
        })]).ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";

    private static string Name(FindingState state) => state switch
    {
        FindingState.Ok => "ok",
        FindingState.Note => "note",
        FindingState.Repaired => "repaired",
        _ => "problem",
    };
}
