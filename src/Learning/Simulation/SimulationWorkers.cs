using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Simulation;

/// <summary>One model for each training thread; the nodes' own parameters are copied in and out, so that a thousand nodes need only these.</summary>
internal sealed class SimulationWorkers : IDisposable
{
    private readonly ITrainableModel[] _models;

    public SimulationWorkers(SimulationOptions options)
    {
        _models = new ITrainableModel[Math.Min(options.Threads, options.Nodes)];
        for (int i = 0; i < _models.Length; i++)
        {
            _models[i] = options.Models.Create(options.Model);
        }
    }

    /// <summary>d.</summary>
    public int Dimension => _models[0].Layout.ParameterCount;

    /// <summary>Number of threads.</summary>
    public int Count => _models.Length;

    /// <summary>The model of a worker.</summary>
    public ITrainableModel this[int worker] => _models[worker];

    public void Dispose()
    {
        foreach (ITrainableModel model in _models)
        {
            model.Dispose();
        }
    }

    /// <summary>Does all training that has been asked for; nodes do not see each other while they train.</summary>
    public void TrainPending(SimulatedNode[] nodes, CancellationToken cancellationToken)
    {
        if (Count == 1)
        {
            TrainPending(nodes, 0, cancellationToken);
            return;
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = Count, CancellationToken = cancellationToken };
        Parallel.For(0, Count, options, worker => TrainPending(nodes, worker, cancellationToken));
    }

    private void TrainPending(SimulatedNode[] nodes, int worker, CancellationToken cancellationToken)
    {
        foreach (SimulatedNode node in nodes.Where(n => n.PendingSteps > 0 && n.Worker == worker))
        {
            node.Parameters.CopyTo(_models[worker].Parameters);
            node.Trainer!.Run(node.PendingSteps, cancellationToken);
            _models[worker].Parameters.CopyTo(node.Parameters);
            node.PendingSteps = 0;
        }
    }
}
