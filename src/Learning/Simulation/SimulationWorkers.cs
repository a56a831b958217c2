using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>One model for each training thread; the nodes' own parameters are copied in and out, so that a thousand nodes need only these.</summary>
internal sealed class SimulationWorkers : IDisposable
{
    private readonly ITrainableModel[] _models;
    private readonly ExchangePrecision _precision;

    public SimulationWorkers(SimulationOptions options, ModelInput input)
    {
        _precision = options.ExchangePrecision;
        _models = new ITrainableModel[Math.Min(options.Threads, options.Nodes)];
        for (int i = 0; i < _models.Length; i++)
        {
            _models[i] = options.Models.Create(options.Model, input);
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
    public void TrainPending(SimulatedNode[] nodes, CancellationToken cancellationToken) =>
        Cores.For(Count, Count, worker =>
        {
            foreach (SimulatedNode node in nodes.Where(n => n.PendingSteps is not null && n.Worker == worker))
            {
                if (node.PendingSteps is > 0 and { } steps)
                {
                    node.Parameters.CopyTo(_models[worker].Parameters);
                    node.TrainLoss = node.Trainer!.Run(steps, cancellationToken).MeanLoss;
                    _models[worker].Parameters.CopyTo(node.Parameters);
                }

                _precision.Round(node.Parameters); // what it contributes is its model, as the others have it
                node.Root = ModelRoot.OfModel(node.Parameters);
                node.PendingSteps = null;
            }
        }, cancellationToken);

    /// <summary>Measures models, in the same order.</summary>
    /// <param name="models">Each of shape [d].</param>
    /// <param name="test">What they are measured on.</param>
    /// <param name="cancellationToken">Looked at before each model.</param>
    public Evaluation[] Evaluate(IReadOnlyList<float[]> models, LabelledExamples test, CancellationToken cancellationToken)
    {
        var evaluations = new Evaluation[models.Count];
        Cores.For(Count, Count, worker =>
        {
            for (int i = worker; i < evaluations.Length; i += Count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                models[i].CopyTo(_models[worker].Parameters);
                evaluations[i] = _models[worker].Evaluate(test);
            }
        }, cancellationToken);
        return evaluations;
    }
}
