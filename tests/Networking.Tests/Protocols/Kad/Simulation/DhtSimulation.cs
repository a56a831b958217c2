using System.Globalization;
using System.Text;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

/// <summary>A whole run: nodes join one after the other, store values, lose some of their number, and get them.</summary>
internal sealed class DhtSimulation
{
    /// <summary>Who comes in by a single liar sees nobody but liars: a node is given several seeds.</summary>
    private const int EntryNodes = 4;

    private readonly List<byte[]> _keys = [];

    public DhtSimulation(SimOptions options) => Net = new SimNetwork(options);

    public SimNetwork Net { get; }

    private Random Random => Net.Random;

    /// <summary>The key that adversaries gather around.</summary>
    public byte[] AttackedKey { get; } = KeyOf(0);

    public static byte[] KeyOf(int number) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/sim/{number}"));

    /// <summary>All nodes join, each by a few random ones that are there; adversaries among them.</summary>
    public void Build()
    {
        SimOptions options = Net.Options;
        HashSet<int> adversaries = [.. Enumerable.Range(1, options.Nodes - 1).OrderBy(_ => Random.Next()).Take(options.Adversaries)];
        for (int i = 0; i < options.Nodes; i++)
        {
            bool isAdversary = adversaries.Contains(i);
            Join(Net.Add(isAdversary, isAdversary && options.SybilPrefix > 0 ? AttackedKey : []));
        }
    }

    /// <summary>Random honest nodes store values, one after the other.</summary>
    public List<SimResult> Store(int count)
    {
        List<SimResult> results = [];
        for (int i = 0; i < count; i++)
        {
            byte[] key = KeyOf(_keys.Count);
            _keys.Add(key);
            results.Add(Run(done => new SimClient(Net, AnyHonest()).Put(key, key, done)));
        }

        return results;
    }

    /// <summary>Random honest nodes get random values that were stored, or one of them.</summary>
    public List<SimResult> Get(int count, byte[]? key = null) =>
        [.. Enumerable.Range(0, count).Select(_ => Run(
            done => new SimClient(Net, AnyHonest()).Get(key ?? _keys[Random.Next(_keys.Count)], done)))];

    /// <summary>A share of the nodes vanish without a word, and as many others join.</summary>
    public void Churn(double share)
    {
        SimNode[] gone = [.. Net.Honest.OrderBy(_ => Random.Next()).Take((int)(share * Net.Nodes.Count))];
        foreach (SimNode node in gone)
        {
            node.IsAlive = false;
        }

        foreach (SimNode _ in gone)
        {
            Join(Net.Add());
        }
    }

    private SimNode AnyHonest()
    {
        IReadOnlyList<SimNode> honest = Net.Honest;
        return honest[Random.Next(honest.Count)];
    }

    private void Join(SimNode node)
    {
        SimNode[] there = [.. Net.Nodes.Where(n => n.IsAlive && n != node)];
        if (there.Length == 0)
        {
            return;
        }

        for (int i = 0; i < EntryNodes; i++)
        {
            SimNode entry = there[Random.Next(there.Length)];
            node.Table.Seen(entry.Self, [entry.Ip], Net.Now, out _);
        }

        bool isDone = false;
        new SimClient(Net, node).Join(() => isDone = true);
        Net.RunUntil(() => isDone);
    }

    private SimResult Run(Action<Action<SimResult>> start)
    {
        SimResult? result = null;
        start(r => result = r);
        Net.RunUntil(() => result is not null);
        return result!.Value;
    }
}
