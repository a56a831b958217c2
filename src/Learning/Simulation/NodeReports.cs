using System.Security.Cryptography;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Detection;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Measures the honest nodes at the end; nodes with equal models are measured once.</summary>
internal static class NodeReports
{
    /// <summary>Measures.</summary>
    /// <returns>A report of each node in order, and SHA-256 over the names of the honest nodes' models.</returns>
    public static (NodeReport[] PerNode, string ModelHash) Make(
        SimulatedNode[] nodes, KeptShares kept, SimulationWorkers workers, LabelledExamples test, CancellationToken cancellationToken)
    {
        SimulatedNode[] honest = [.. nodes.Where(n => n.Honest)];
        var roots = new ModelRoot[honest.Length];
        Cores.For(honest.Length, workers.Count, i => roots[i] = ModelRoot.OfModel(honest[i].Parameters), cancellationToken);
        SimulatedNode[] different = [.. honest.Zip(roots).DistinctBy(pair => pair.Second).Select(pair => pair.First)];
        Evaluation[] evaluations = workers.Evaluate([.. different.Select(n => n.Parameters)], test, cancellationToken);
        Dictionary<ModelRoot, Evaluation> known = roots.Distinct().Zip(evaluations).ToDictionary(pair => pair.First, pair => pair.Second);

        HashSet<Participant> byzantine = [.. nodes.Where(n => !n.Honest).Select(n => n.Participant)];
        double?[] shares = kept.OfEach();
        NodeReport[] reports =
        [
            .. honest.Select((node, i) => OfHonest(node, known[roots[i]], byzantine)),
            .. nodes.Where(n => !n.Honest).Select((node, i) =>
                new NodeReport { Node = node.Participant.Id, Honest = false, Images = node.Images, KeptShare = shares[i] }),
        ];
        return (reports, Hash(roots));
    }

    private static string Hash(ModelRoot[] roots)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[ModelRoot.Size];
        foreach (ModelRoot root in roots)
        {
            root.CopyTo(bytes);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static NodeReport OfHonest(SimulatedNode node, Evaluation evaluation, HashSet<Participant> byzantine)
    {
        IReadOnlyList<PeerStanding> suspects = node.Tally.Suspects(node.Participant);
        return new NodeReport
        {
            Node = node.Participant.Id,
            Honest = true,
            SuspectedByzantine = suspects.Count(s => byzantine.Contains(s.Participant)),
            SuspectedHonest = suspects.Count(s => !byzantine.Contains(s.Participant)),
            Accuracy = evaluation.Accuracy,
            Loss = double.IsFinite(evaluation.Loss) ? evaluation.Loss : null,
            Images = node.Images,
            Mixed = node.Tally.Mixed,
            KeptByzantine = node.Tally.KeptByzantine,
            RejectedByzantine = node.Tally.RejectedByzantine,
            RejectedHonest = node.Tally.RejectedHonest,
        };
    }
}
