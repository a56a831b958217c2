using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Learning.Plugins;
using P2PLearn.Networking.Identity;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>Reads what a node trains on, and says in one line what is wrong with it.</summary>
internal static class LearningInput
{
    /// <summary>Reads a data source, such as <c>mnist:data/mnist</c>.</summary>
    /// <exception cref="UserErrorException">An unknown kind, or files that cannot be read or used.</exception>
    public static ExampleSets ReadExamples(string source, DataSources known)
    {
        try
        {
            return known.Load(source);
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UserErrorException(e.Message);
        }
    }

    /// <summary>Checks that a model can be built for some data; libtorch must be loaded.</summary>
    /// <exception cref="UserErrorException">It does not take such data.</exception>
    public static void RequireFit(string model, ExampleSets examples, ModelRegistry models)
    {
        try
        {
            models.Create(model, examples.Train.Input).Dispose();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }

    /// <summary>What learning needs of the options; null for a plain member.</summary>
    /// <exception cref="UserErrorException">The data cannot be used, or not by the model of the run.</exception>
    public static LearningOptions? Read(NodeOptions options, LearningCatalog catalog)
    {
        if (options.Data is not { } data)
        {
            return null;
        }

        ExampleSets examples = ReadExamples(data.Source, catalog.Data);
        RunSettings? settings = options.Run ?? (options.Found ? new RunSettings() : null);
        if (settings is not null)
        {
            RequireFit(settings.Model, examples, catalog.Models);
        }

        AttackOptions? attack = options.Attack is { } section
            ? new AttackOptions(section.Name, [.. section.Colluders.Select(PeerId.Parse)])
            : null;
        bool flips = attack is not null && AttackRegistry.Create(attack.Name).FlipsLabels;
        int[] share = Deal(examples.Train, data);
        ulong order = unchecked((data.Seed * 0x9E37_79B9_7F4A_7C15UL) + (ulong)data.Share); // another order at each share
        return new LearningOptions
        {
            Settings = settings,
            Join = options.Join,
            Proposes = options.Found,
            Data = new TrainingData(examples, share, order, flips) { Models = catalog.Models },
            Attack = attack,
        };
    }

    private static int[] Deal(LabelledExamples train, DataSection data)
    {
        try
        {
            return Partitioners.Parse(data.Partition).Partition(train, data.Shares, data.Seed)[data.Share];
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }
}
