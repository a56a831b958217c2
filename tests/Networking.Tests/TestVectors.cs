using System.Text.Json;

namespace P2PLearn.Networking.Tests;

/// <summary>The values that js-libp2p computed; see tests/Vectors/README.md.</summary>
internal static class TestVectors
{
    private static readonly JsonDocument Document = JsonDocument.Parse(
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", "libp2p-vectors.json")));

    public static JsonElement Section(string name) => Document.RootElement.GetProperty(name);

    public static IEnumerable<JsonElement> Entries(string name) => Section(name).EnumerateArray();

    public static string Text(this JsonElement entry, string property) => entry.GetProperty(property).GetString()!;

    public static byte[] Hex(this JsonElement entry, string property) => Convert.FromHexString(entry.Text(property));
}
