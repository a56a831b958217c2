namespace P2PLearn.Learning.Data;

/// <summary>A training set and a test set.</summary>
/// <param name="Train">What the nodes share out among themselves.</param>
/// <param name="Test">What accuracy is measured on.</param>
public sealed record TrainAndTest(LabelledImages Train, LabelledImages Test);

/// <summary>Loads MNIST, or any data set in its four files and its format, such as Fashion-MNIST.</summary>
public static class Mnist
{
    private const int ClassCount = 10;

    /// <summary>Loads the four files of a directory, each plain or with <c>.gz</c> at the end.</summary>
    /// <exception cref="FileNotFoundException">A file is missing; says which names were looked for.</exception>
    /// <exception cref="InvalidDataException">A file is not what it should be; one line naming it.</exception>
    public static TrainAndTest Load(string directory) => Load(directory, new IdxLimits());

    /// <inheritdoc cref="Load(string)"/>
    public static TrainAndTest Load(string directory, IdxLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return new TrainAndTest(LoadSet(directory, "train", ClassCount, limits), LoadSet(directory, "t10k", ClassCount, limits));
    }

    /// <summary>Loads one set: its images and its labels.</summary>
    /// <param name="directory">Where the two files lie.</param>
    /// <param name="prefix">How their names begin: "train".</param>
    /// <param name="classCount">Number of classes; null: one more than the largest label, and at least 2.</param>
    /// <param name="limits">What to accept.</param>
    internal static LabelledImages LoadSet(string directory, string prefix, int? classCount, IdxLimits limits)
    {
        string imagesPath = Find(directory, $"{prefix}-images-idx3-ubyte");
        string labelsPath = Find(directory, $"{prefix}-labels-idx1-ubyte");
        IdxArray images = IdxFile.Read(imagesPath, rank: 3, limits);
        IdxArray labels = IdxFile.Read(labelsPath, rank: 1, limits);
        if (images.Sizes[0] != labels.Sizes[0])
        {
            throw new InvalidDataException(
                $"{labelsPath}: expected a label for each of {images.Sizes[0]} images, found {labels.Sizes[0]}");
        }

        int classes = classCount ?? Math.Max(2, labels.Data.ToArray().Max() + 1);
        int wrong = labels.Data.Span.IndexOfAnyExceptInRange((byte)0, (byte)(classes - 1));
        return wrong < 0
            ? new LabelledImages(images.Data, labels.Data, images.Sizes[1], images.Sizes[2], classes)
            : throw new InvalidDataException(
                $"{labelsPath}: expected labels from 0 to {classes - 1}, "
                + $"found {labels.Data.Span[wrong]} at image {wrong}");
    }

    private static string Find(string directory, string name)
    {
        string plain = Path.Combine(directory, name);
        string gzipped = plain + ".gz";
        return File.Exists(plain) ? plain
            : File.Exists(gzipped) ? gzipped
            : throw new FileNotFoundException($"{directory} holds neither {name} nor {name}.gz", plain);
    }
}
