using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Models;

/// <summary>A differentiable model over one flat parameter vector θ [d] and one flat gradient vector g [d].</summary>
/// <remarks>
/// All that training, mixing, hashing and sending need to know of a model. An adapter over any framework implements it in some sixty
/// lines. Not safe for several threads; a step runs on one thread from start to end.
/// </remarks>
public interface ITrainableModel : IDisposable
{
    /// <summary>The name in the registry: "mlp", "cnn", "logistic".</summary>
    string Name { get; }

    /// <summary>Names and shapes of the parameters in their order within θ.</summary>
    ModelLayout Layout { get; }

    /// <summary>θ, shape [d]; writing to it changes the model. Valid until the model is disposed.</summary>
    Span<float> Parameters { get; }

    /// <summary>g, shape [d]: the gradient of the last <see cref="ComputeGradient"/>.</summary>
    Span<float> Gradient { get; }

    /// <summary>Sets θ to the model's initial distribution; the same seed gives the same bits on every machine.</summary>
    void Initialize(ulong seed);

    /// <summary>Overwrites g with the gradient of the mean loss over the batch at θ.</summary>
    /// <returns>The mean loss; may be NaN or infinite when θ is.</returns>
    float ComputeGradient(Batch batch);

    /// <summary>Mean loss and accuracy over a data set at θ.</summary>
    Evaluation Evaluate(LabelledExamples data);
}
