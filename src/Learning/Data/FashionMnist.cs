namespace P2PLearn.Learning.Data;

/// <summary>Fashion-MNIST: ten kinds of clothes in MNIST's format, from the folder that Debian's package fills.</summary>
/// <remarks>Source: Xiao, Rasul and Vollgraf 2017 (arXiv:1708.07747).</remarks>
public static class FashionMnist
{
    /// <summary>Where Debian's package <c>dataset-fashion-mnist</c> puts the four files.</summary>
    public const string PackagedFolder = "/usr/share/datasets/fashion-mnist";

    /// <summary>Mean 0.2860, deviation 0.3530: those of the training images.</summary>
    public static PixelScaling Scaling { get; } = new(0.2860, 0.3530);

    /// <summary>Reads <c>fashion-mnist</c> or <c>fashion-mnist:FOLDER</c>.</summary>
    /// <exception cref="FileNotFoundException">The package is not installed; says so in one line.</exception>
    /// <exception cref="InvalidDataException">A file is not what it should be; one line naming it.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: false);
        string folder = source.Path.Length > 0 ? source.Path : PackagedFolder;
        if (source.Path.Length == 0 && !Directory.Exists(folder))
        {
            throw new FileNotFoundException(
                $"Fashion-MNIST is not in {folder}; install Debian's package dataset-fashion-mnist, or write fashion-mnist:FOLDER");
        }

        (LabelledImages train, LabelledImages test) = Mnist.Load(folder);
        return new ExampleSets(Scaled(train), Scaled(test));
    }

    private static LabelledImages Scaled(LabelledImages images) => images.WithScaling(Scaling);
}
