using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Every node its own mixture of classes: proportions p ~ Dir(α), ⌊p_c · images/nodes⌋ images of class c.</summary>
/// <remarks>
/// Source: Hsu, Qi, Brown 2019 (arXiv:1909.06335), as in the code of Farhadkhani et al., ICML 2023 (arXiv:2209.10931): drawn without replacement
/// within a node and independently of the others, so nodes may share images. A class that has too few images is taken whole. A node that
/// would get nothing gets one image.
/// </remarks>
/// <param name="alpha">α, positive: small is harsh, large is like iid.</param>
public sealed class DirichletPartitioner(double alpha) : IPartitioner
{
    private readonly double _alpha = alpha > 0 && double.IsFinite(alpha)
        ? alpha
        : throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "must be positive and finite");

    /// <inheritdoc/>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"dirichlet:{alpha}");

    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        int[][] byClass = ByClass(data);
        var shares = new int[nodeCount][];
        for (int node = 0; node < nodeCount; node++)
        {
            var random = SeededRandom.ForStream(seed, (ulong)node);
            shares[node] = Draw(byClass, data.Count / nodeCount, random);
            if (shares[node].Length == 0)
            {
                shares[node] = [random.NextInt32(data.Count)];
            }
        }

        return shares;
    }

    private static int[][] ByClass(LabelledExamples data)
    {
        var lists = new List<int>[data.ClassCount];
        for (int c = 0; c < lists.Length; c++)
        {
            lists[c] = [];
        }

        ReadOnlySpan<byte> labels = data.Labels;
        for (int i = 0; i < labels.Length; i++)
        {
            lists[labels[i]].Add(i);
        }

        return [.. lists.Select(list => list.ToArray())];
    }

    private int[] Draw(int[][] byClass, int size, SeededRandom random)
    {
        double[] proportions = DirichletDraw.Symmetric(_alpha, byClass.Length, random);
        var share = new List<int>(size);
        for (int c = 0; c < byClass.Length; c++)
        {
            int count = Math.Min((int)(proportions[c] * size), byClass[c].Length);
            int[] images = (int[])byClass[c].Clone();
            for (int i = 0; i < count; i++)
            {
                int other = i + random.NextInt32(images.Length - i);
                (images[i], images[other]) = (images[other], images[i]);
                share.Add(images[i]);
            }
        }

        return [.. share];
    }
}
