using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Node.Commands;

/// <summary>Finds which of the models of this program some parameters are of.</summary>
internal static class KnownModels
{
    private const int ShownTensors = 3;

    /// <summary>Makes the model for some data that has this layout, or the same tensors in another order, and gives it the parameters.</summary>
    /// <param name="what">What the parameters are of, for a message.</param>
    /// <param name="layout">Their layout.</param>
    /// <param name="parameters">Shape [d].</param>
    /// <param name="name">Which model it must be; null for any.</param>
    /// <param name="models">The models that there are.</param>
    /// <param name="input">The data that it is for.</param>
    /// <returns>The model, which the caller owns.</returns>
    /// <exception cref="UserErrorException">No such model, or none that fits.</exception>
    public static ITrainableModel Create(string what, ModelLayout layout, float[] parameters, string? name, ModelRegistry models, ModelInput input)
    {
        string[] names = [.. models.Names];
        if (name is not null && !names.Contains(name, StringComparer.Ordinal))
        {
            throw new UserErrorException($"unknown model '{name}'; known are {string.Join(", ", names)}");
        }

        foreach (string candidate in name is null ? names : [name])
        {
            if (Build(models, candidate, input, mustFit: name is not null) is not { } model)
            {
                continue;
            }

            if (TryArrange(layout, parameters, model.Layout, model.Parameters))
            {
                return model;
            }

            model.Dispose();
        }

        string tensors = string.Join(", ", layout.Parameters.Take(ShownTensors).Select(p => $"{p.Name} [{string.Join(",", p.Shape)}]"));
        string more = layout.Parameters.Count > ShownTensors ? ", …" : "";
        throw new UserErrorException($"{what} is no {(name ?? string.Join(", ", names))}: it has the tensors {tensors}{more}; the data are {input}");
    }

    // Null for a model that takes other data, when another may be meant.
    private static ITrainableModel? Build(ModelRegistry models, string name, ModelInput input, bool mustFit)
    {
        try
        {
            return models.Create(name, input);
        }
        catch (ArgumentException e)
        {
            return mustFit ? throw new UserErrorException(e.Message) : null;
        }
    }

    /// <summary>Brings parameters into the order of another layout of the same tensors.</summary>
    /// <returns>False, with <paramref name="destination"/> untouched, when the tensors differ.</returns>
    internal static bool TryArrange(ModelLayout from, ReadOnlySpan<float> source, ModelLayout to, Span<float> destination)
    {
        if (from.Parameters.Count != to.Parameters.Count || from.ParameterCount != to.ParameterCount)
        {
            return false;
        }

        int[] offsets = from.ByteOffsets();
        int[] begins = new int[to.Parameters.Count];
        for (int i = 0; i < begins.Length; i++)
        {
            ParameterShape wanted = to.Parameters[i];
            int at = from.Parameters.ToList().FindIndex(p => p.Name == wanted.Name && p.Shape.SequenceEqual(wanted.Shape));
            if (at < 0)
            {
                return false;
            }

            begins[i] = offsets[at] / sizeof(float);
        }

        for (int i = 0, next = 0; i < begins.Length; next += to.Parameters[i].Count, i++)
        {
            int count = to.Parameters[i].Count;
            source.Slice(begins[i], count).CopyTo(destination[next..]);
        }

        return true;
    }
}
