using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Node.Hosting;

/// <summary>What people call models and runs.</summary>
internal static class ModelNames
{
    /// <summary>Fewest digits of a run id that are taken for it.</summary>
    public const int MinRunDigits = 6;

    private const int RunDigits = 2 * BlockManifest.HashBytes;

    /// <summary>Reads a root: the CID of a manifest.</summary>
    public static bool TryParseRoot(string? name, [NotNullWhen(true)] out Cid? root) => Cid.TryParse(name, out root) && Block.IsName(root);

    /// <summary>Reads a root.</summary>
    /// <exception cref="UserErrorException">It is none.</exception>
    public static Cid ParseRoot(string? name) => TryParseRoot(name, out Cid? root)
        ? root
        : throw new UserErrorException($"'{name}' is no root of a model; it looks like bafkrei…");

    /// <summary>Finds the run that is meant.</summary>
    /// <param name="name">All or the first digits of a run id.</param>
    /// <param name="known">The runs that this node knows of, each 64 hex digits.</param>
    /// <exception cref="UserErrorException">Neither root nor run, no such run, or several.</exception>
    public static string FindRun(string name, IEnumerable<string> known)
    {
        if (name.Length is < MinRunDigits or > RunDigits || !name.All(char.IsAsciiHexDigit))
        {
            throw new UserErrorException(
                $"'{name}' is neither a root of a model (it looks like bafkrei…) nor a run (64 hex digits, or at least {MinRunDigits} of them)");
        }

        string[] found = [.. known.Where(r => r.StartsWith(name, StringComparison.OrdinalIgnoreCase)).Distinct(StringComparer.OrdinalIgnoreCase)];
        return found.Length switch
        {
            1 => found[0],
            0 => throw new UserErrorException($"no run '{name}' is known here; 'p2plearn model list' shows those that are"),
            _ => throw new UserErrorException($"'{name}' are the first digits of {found.Length} runs; give more of them"),
        };
    }
}
