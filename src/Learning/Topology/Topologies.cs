using System.Globalization;

namespace P2PLearn.Learning.Topology;

/// <summary>The topologies by the names that a configuration uses.</summary>
public static class Topologies
{
    /// <summary>The name of the complete graph.</summary>
    public const string All = "all";

    private const string Ring = "ring";
    private const string RandomRegular = "random-regular";
    private const string ChangingRegular = "changing-regular";
    private const string Push = "el-push";
    private const string Pull = "rpel-pull";

    private const string Usage = "all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S";

    /// <summary>Reads a topology.</summary>
    /// <param name="text">E.g. "all", "ring", "random-regular:4", "changing-regular:4", "el-push:5", "rpel-pull:5".</param>
    /// <param name="nodes">n, at least 1.</param>
    /// <param name="seed">What is random in it follows from this.</param>
    /// <exception cref="ArgumentException">An unknown name, or a number that does not fit n; one line for the user.</exception>
    public static ITopology Parse(string text, int nodes, ulong seed)
    {
        (string kind, int number) = Split(text);
        return kind switch
        {
            All => new CompleteTopology(nodes),
            Ring => RegularTopology.Ring(nodes, seed),
            RandomRegular => RegularTopology.Random(nodes, number, seed, changes: false),
            ChangingRegular => RegularTopology.Random(nodes, number, seed, changes: true),
            Push => new PushTopology(nodes, number, seed),
            Pull => new PullTopology(nodes, number, seed),
            _ => throw Unknown(text),
        };
    }

    /// <summary>Reads a topology, and takes the nearest that so many nodes can have: with too few everybody hears everybody, and an odd degree that an odd number of nodes cannot have is one more.</summary>
    /// <param name="text">As <see cref="Parse"/> reads it.</param>
    /// <param name="nodes">n, at least 1; may differ from the number for which the topology was chosen.</param>
    /// <param name="seed">What is random in it follows from this.</param>
    /// <exception cref="ArgumentException">An unknown name; one line for the user.</exception>
    public static ITopology ParseNearest(string text, int nodes, ulong seed)
    {
        (string kind, int number) = Split(text);
        if (nodes <= (kind == Ring ? 2 : number))
        {
            return new CompleteTopology(nodes);
        }

        bool isOneMore = kind is RandomRegular or ChangingRegular && nodes % 2 != 0 && number % 2 != 0;
        return Parse(isOneMore ? string.Create(CultureInfo.InvariantCulture, $"{kind}:{number + 1}") : text, nodes, seed);
    }

    /// <summary>Draws some of the others, each set of them as likely as any other (Floyd's algorithm).</summary>
    /// <returns>Ascending, without <paramref name="node"/>.</returns>
    internal static int[] Sample(ulong seed, int round, int node, int nodes, int count)
    {
        var random = SeededRandom.ForStream(seed, ((ulong)(uint)round << 32) | (uint)node);
        var drawn = new SortedSet<int>();
        for (int last = nodes - 1 - count; last < nodes - 1; last++)
        {
            int pick = random.NextInt32(last + 1);
            drawn.Add(drawn.Contains(pick) ? last : pick);
        }

        return [.. drawn.Select(i => i < node ? i : i + 1)];
    }

    internal static int CheckSample(string name, int nodes, int count) => count >= 1 && count < nodes
        ? count
        : throw new ArgumentException($"{name}:{count} of {nodes} nodes: the number must be in [1, {nodes - 1}]");

    // A number follows every kind but two.
    private static (string Kind, int Number) Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        int number = 0;
        bool isWhole = text is All or Ring
            || (parts is [RandomRegular or ChangingRegular or Push or Pull, _] && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out number));
        return isWhole ? (parts[0], number) : throw Unknown(text);
    }

    private static ArgumentException Unknown(string text) => new($"unknown topology '{text}': use {Usage}");
}
