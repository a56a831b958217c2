namespace P2PLearn.Learning.Data;

/// <summary>Training data out of four IDX files of any size and number of classes, such as EMNIST's.</summary>
/// <remarks>The files are called as MNIST's are: <c>train-images-idx3-ubyte</c>, <c>train-labels-idx1-ubyte</c> and so on, plain or gzipped.</remarks>
public static class IdxData
{
    /// <summary>
    /// Reads <c>idx:FOLDER</c>; options <c>classes</c> (default: one more than the largest training label), <c>train</c> and <c>test</c> (how the
    /// names of the two sets' files begin; default <c>train</c> and <c>t10k</c>).
    /// </summary>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="InvalidDataException">A file is not what it should be, or the two sets do not fit each other; one line.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: true, "classes", "train", "test");
        int? classes = source.Text("classes") is null ? null : source.Integer("classes", 0, least: 2, LabelledExamples.MaxClasses);
        LabelledImages train = Mnist.LoadSet(source.Path, source.Text("train") ?? "train", classes, new IdxLimits());
        LabelledImages test = Mnist.LoadSet(source.Path, source.Text("test") ?? "t10k", train.ClassCount, new IdxLimits());
        if (test.Input != train.Input)
        {
            throw new InvalidDataException($"{source.Path}: the test set has {test.Input}, the training set {train.Input}");
        }

        PixelScaling scaling = PixelScaling.Of(train);
        return new ExampleSets(train.WithScaling(scaling), test.WithScaling(scaling));
    }
}
