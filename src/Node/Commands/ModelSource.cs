using P2PLearn.Learning.Models;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary>Finds the models that a name means, and reads them.</summary>
/// <param name="models">Where they are.</param>
internal sealed class ModelSource(IManagedModels models)
{
    /// <summary>Most models that a median is taken of; all of them are in memory at once.</summary>
    public const int MaxModels = 9;

    private static readonly ModelFileLimits Limits = new();

    /// <summary>The roots that a root or a run means, all of them here.</summary>
    /// <param name="name">A root, or a run.</param>
    /// <param name="maker">Of a run the model of this maker only: a peer id, or the beginning or end of one; null for all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">There is none.</exception>
    public async Task<IReadOnlyList<string>> FindAsync(string name, string? maker, CancellationToken cancellationToken)
    {
        if (ModelNames.TryParseRoot(name, out _))
        {
            return maker is null ? [name] : throw new UserErrorException("--maker picks one of the models of a run; a root has one maker");
        }

        ModelRunView run = (await models.ShowAsync(name, cancellationToken)).Run!;
        ModelRunRootView[] wanted = [.. run.Roots.Where(r => maker is null || IsMeant(maker, r.Peer))];
        if (wanted.Length == 0 || (maker is not null && wanted.Length > 1))
        {
            string makers = string.Join(", ", run.Roots.Select(r => ModelText.Peer(r.Peer)));
            throw new UserErrorException($"'{maker}' names {wanted.Length} makers of round {run.Round}; they are {makers}");
        }

        string[] here = [.. wanted.Where(r => r.Complete).Select(r => r.Root).Take(MaxModels)];
        return here.Length > 0
            ? here
            : throw new UserErrorException($"no such model of round {run.Round} is here; fetch it with 'p2plearn model pull {(maker is null ? name : wanted[0].Root)}'");
    }

    /// <summary>Reads models, and takes their median when there are several.</summary>
    /// <exception cref="UserErrorException">One is not here, is too large, or has another layout than the others.</exception>
    public async Task<(ModelLayout Layout, float[] Parameters)> ReadAsync(IReadOnlyList<string> roots, CancellationToken cancellationToken)
    {
        ModelLayout? layout = null;
        List<float[]> all = [];
        foreach (string root in roots)
        {
            (ModelLayout own, float[] parameters) = await ReadAsync(root, cancellationToken);
            layout ??= own;
            if (!layout.Hash.Span.SequenceEqual(own.Hash.Span))
            {
                throw new UserErrorException($"{root} has another layout than {roots[0]}; pick one maker's model with --maker");
            }

            all.Add(parameters);
        }

        return (layout!, ModelMedian.Of(all));
    }

    private static bool IsMeant(string maker, string peer) =>
        peer.StartsWith(maker, StringComparison.Ordinal) || peer.EndsWith(maker, StringComparison.Ordinal);

    private async Task<(ModelLayout Layout, float[] Parameters)> ReadAsync(string root, CancellationToken cancellationToken)
    {
        ModelExport export = await models.ExportAsync(root, cancellationToken);
        if (export.Length > Math.Min(((long)Limits.MaxFloats * sizeof(float)) + Limits.MaxHeaderBytes, Array.MaxLength))
        {
            throw new UserErrorException($"{root} has {export.Length} bytes: too many to read into memory");
        }

        byte[] content = new byte[export.Length];
        using var stream = new MemoryStream(content);
        await export.WriteToAsync(stream, cancellationToken);
        try
        {
            return ModelFile.ReadAny(content, Limits);
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"{root}: {e.Message}");
        }
    }
}
