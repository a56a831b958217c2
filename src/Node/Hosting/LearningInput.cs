using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Networking.Identity;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>Reads what a node trains on, and says in one line what is wrong with it.</summary>
internal static class LearningInput
{
    private const string MnistPrefix = "mnist:";

    /// <summary>Reads a data source such as <c>mnist:data/mnist</c>.</summary>
    /// <exception cref="UserErrorException">An unknown kind, or files that cannot be read.</exception>
    public static TrainAndTest ReadImages(string source)
    {
        if (!source.StartsWith(MnistPrefix, StringComparison.Ordinal))
        {
            throw new UserErrorException($"data source '{source}' is not known; write mnist:FOLDER");
        }

        try
        {
            return Mnist.Load(source[MnistPrefix.Length..]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UserErrorException(e.Message);
        }
    }

    /// <summary>What learning needs of the options; null for a plain member.</summary>
    public static LearningOptions? Read(NodeOptions options)
    {
        if (options.Data is not { } data)
        {
            return null;
        }

        TrainAndTest images = ReadImages(data.Source);
        AttackOptions? attack = options.Attack is { } section
            ? new AttackOptions(section.Name, [.. section.Colluders.Select(PeerId.Parse)])
            : null;
        bool flips = attack is not null && AttackRegistry.Create(attack.Name).FlipsLabels;
        int[] share = Deal(images.Train, data);
        ulong order = unchecked((data.Seed * 0x9E37_79B9_7F4A_7C15UL) + (ulong)data.Share); // another order at each share
        return new LearningOptions
        {
            Settings = options.Run ?? (options.Found ? new RunSettings() : null),
            Proposes = options.Found,
            Data = new TrainingData(images, share, order, flips),
            Attack = attack,
        };
    }

    private static int[] Deal(LabelledImages train, DataSection data)
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
