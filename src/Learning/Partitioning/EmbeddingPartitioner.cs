using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>
/// Skew by what examples look like to a model, not by their labels: clusters of embeddings are dealt out as p_c ~ Dir(α·r), r being the clusters'
/// shares of the data.
/// </summary>
/// <remarks>
/// Source: arXiv:2503.14553, "embedding-based heterogeneity": K-means on embeddings, K = 10; each peer a Dirichlet draw around the clusters'
/// shares; sizes solve Pᵀ·size = counts in the least squares, so that the clusters are used up; drawn anew until every peer has enough and no
/// cluster is over-asked; examples without replacement. Deviations: sizes come from a non-negative fit by multiplicative updates, in place of
/// a pseudo-inverse, which may be negative and then only costs redraws; and as the redrawing need not end for a small α or few peers, after
/// <see cref="MaxDraws"/> draws each cluster is cut among the peers in proportion to its parts of their mixtures. Needs all the data in one place: a
/// tool of the test bench, like every partitioner, and never part of what nodes tell each other. Disjoint; deterministic.
/// </remarks>
public sealed class EmbeddingPartitioner : IPartitioner
{
    /// <summary>Draws until the fallback.</summary>
    public const int MaxDraws = 50;

    private const int ClusterCount = 10;
    private const int FitIterations = 200;

    private readonly double _alpha;
    private readonly Func<LabelledExamples, (float[] Points, int Width)> _embed;

    /// <summary>Clusters by a fixed random projection of the examples.</summary>
    /// <param name="alpha">α, positive: small is harsh, large is like iid.</param>
    public EmbeddingPartitioner(double alpha)
        : this(alpha, RandomProjection.Of)
    {
    }

    /// <summary>Clusters by an embedding of the caller's, such as the last hidden layer of a trained network.</summary>
    /// <param name="alpha">α, positive.</param>
    /// <param name="embed">Gives points [count, width], row-major and finite, and their width; deterministic.</param>
    public EmbeddingPartitioner(double alpha, Func<LabelledExamples, (float[] Points, int Width)> embed)
    {
        ArgumentNullException.ThrowIfNull(embed);
        _alpha = alpha > 0 && double.IsFinite(alpha)
            ? alpha
            : throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "must be positive and finite");
        _embed = embed;
        Name = string.Create(CultureInfo.InvariantCulture, $"embedding:{alpha}");
    }

    /// <summary>Fewest examples that a draw must give each peer: the source's 128, or less where the data are few.</summary>
    internal static int MinShare(int exampleCount, int nodeCount) => Math.Clamp(exampleCount / nodeCount / 4, 1, 128);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        (float[] points, int width) = _embed(data);
        ArgumentOutOfRangeException.ThrowIfNotEqual(points.Length, data.Count * width);
        var random = new SeededRandom(seed);
        int[][] clusters = Group(KMeans.Cluster(points, width, Math.Min(ClusterCount, data.Count), random));
        foreach (int[] cluster in clusters)
        {
            random.Shuffle<int>(cluster);
        }

        int least = MinShare(data.Count, nodeCount);
        double[][] mixtures = [];
        for (int draw = 0; draw < MaxDraws; draw++)
        {
            mixtures = Draw(clusters, nodeCount, data.Count, random);
            double[][] asked = Ask(clusters, mixtures);
            bool isOverAsked = clusters.Index().Any(c => asked.Sum(peer => Math.Floor(peer[c.Index])) > c.Item.Length);
            if (!isOverAsked && asked.All(peer => peer.Sum(Math.Floor) >= least))
            {
                return Deal(clusters, asked);
            }
        }

        return CutInProportion(clusters, mixtures, nodeCount, random);
    }

    private static int[][] Group(int[] clusterOf) =>
        [.. clusterOf.Index().GroupBy(pair => pair.Item).OrderBy(g => g.Key).Select(g => g.Select(pair => pair.Index).ToArray())];

    // The mixture of clusters of each peer. Shape [peers, clusters], each row with sum 1.
    private double[][] Draw(int[][] clusters, int nodeCount, int count, SeededRandom random)
    {
        double[] parameters = [.. clusters.Select(c => _alpha * c.Length / count)];
        return [.. Enumerable.Range(0, nodeCount).Select(_ => DirichletDraw.Draw(parameters, random))];
    }

    // How many examples of each cluster each peer asks for: size of the peer times its mixture. Shape [peers, clusters].
    private static double[][] Ask(int[][] clusters, double[][] mixtures)
    {
        double[] sizes = FitSizes(mixtures, [.. clusters.Select(c => (double)c.Length)]);
        return [.. mixtures.Select((mixture, peer) => mixture.Select(p => p * sizes[peer]).ToArray())];
    }

    // Multiplicative updates of a least-squares fit (Lee and Seung 2000): sizes stay at least 0, and the misfit never grows.
    private static double[] FitSizes(double[][] mixtures, double[] counts)
    {
        double[] sizes = new double[mixtures.Length];
        Array.Fill(sizes, counts.Sum() / mixtures.Length);
        double[] wanted = [.. mixtures.Select(mixture => mixture.Zip(counts, (p, n) => p * n).Sum())];
        for (int i = 0; i < FitIterations; i++)
        {
            double[] given = [.. counts.Select((_, c) => mixtures.Select((mixture, peer) => mixture[c] * sizes[peer]).Sum())];
            for (int peer = 0; peer < sizes.Length; peer++)
            {
                double scale = mixtures[peer].Zip(given, (p, n) => p * n).Sum();
                sizes[peer] *= scale > 0 ? wanted[peer] / scale : 0;
            }
        }

        // A least-squares fit asks a little too much of some clusters: all is scaled down until none is over-asked.
        double over = counts.Select((n, c) => mixtures.Select((mixture, peer) => mixture[c] * sizes[peer]).Sum() / n).Max();
        return over > 1 ? [.. sizes.Select(size => size / over)] : sizes;
    }

    private static int[][] Deal(int[][] clusters, double[][] asked)
    {
        int[] next = new int[clusters.Length];
        return [.. asked.Select(peer => peer.SelectMany((wish, c) =>
        {
            int first = next[c];
            next[c] += (int)wish;
            return clusters[c][first..next[c]];
        }).ToArray())];
    }

    // Every example goes to somebody; a peer left with none takes one from the peer that has most.
    private static int[][] CutInProportion(int[][] clusters, double[][] mixtures, int nodeCount, SeededRandom random)
    {
        var shares = new List<int>[nodeCount];
        for (int peer = 0; peer < nodeCount; peer++)
        {
            shares[peer] = [];
        }

        for (int c = 0; c < clusters.Length; c++)
        {
            double[] wishes = [.. mixtures.Select(peer => peer[c])];
            double sum = wishes.Sum();
            if (!(sum > 0))
            {
                shares[random.NextInt32(nodeCount)].AddRange(clusters[c]);
                continue;
            }

            double cumulated = 0;
            int start = 0;
            int last = Array.FindLastIndex(wishes, wish => wish > 0);
            for (int peer = 0; peer <= last; peer++)
            {
                cumulated += wishes[peer] / sum;
                int end = peer == last ? clusters[c].Length : Math.Min(clusters[c].Length, (int)(cumulated * clusters[c].Length));
                shares[peer].AddRange(clusters[c].AsSpan(start..end));
                start = end;
            }
        }

        foreach (List<int> empty in shares.Where(share => share.Count == 0))
        {
            List<int> largest = shares.MaxBy(share => share.Count)!;
            empty.Add(largest[^1]);
            largest.RemoveAt(largest.Count - 1);
        }

        return [.. shares.Select(share => share.ToArray())];
    }
}
