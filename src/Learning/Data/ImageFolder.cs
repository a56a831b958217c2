namespace P2PLearn.Learning.Data;

/// <summary>Training data out of a folder with one folder of PNG or JPEG files for each class.</summary>
/// <remarks>
/// Classes and files in the order of their names' characters. Where the folder holds <c>train</c> and <c>test</c>, each of them has the
/// classes; else the files are cut at random, but everywhere the same.
/// </remarks>
public static class ImageFolder
{
    private const int DefaultSide = 32;
    private const int MaxSide = 512;
    private const double DefaultTestShare = 0.2;

    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg"];

    /// <summary>
    /// Reads <c>images:FOLDER</c>; options <c>size</c> (rows and columns that every picture is brought to, default 32), <c>colours</c>
    /// (<c>rgb</c> or <c>grey</c>), <c>test</c> (share of the files, default 0.2).
    /// </summary>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="InvalidDataException">A file is, or classes are missing; one line.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: true, "size", "colours", "test");
        int side = source.Integer("size", DefaultSide, least: 1, MaxSide);
        int channels = source.Word("colours", "rgb", "grey") == "rgb" ? 3 : 1;
        return Load(source.Path, side, channels, source.TestShare(DefaultTestShare), new ImageFolderLimits());
    }

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">With a folder for each class, or with <c>train</c> and <c>test</c> that have them.</param>
    /// <param name="side">Rows and columns that every picture is brought to.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="testShare">In (0, 1).</param>
    /// <param name="limits">What to accept.</param>
    /// <exception cref="InvalidDataException">A file or the folder is not what it should be; one line.</exception>
    public static ExampleSets Load(string folder, int side, int channels, double testShare, ImageFolderLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(limits);
        (string trainFolder, string testFolder) = (Path.Combine(folder, "train"), Path.Combine(folder, "test"));
        LabelledImages train;
        LabelledImages test;
        if (Directory.Exists(trainFolder) && Directory.Exists(testFolder))
        {
            string[] classes = ClassesOf(trainFolder);
            train = Read(FilesOf(trainFolder, classes, limits), classes.Length, side, channels, limits);
            RequireSameClasses(testFolder, classes);
            test = Read(FilesOf(testFolder, classes, limits), classes.Length, side, channels, limits);
        }
        else
        {
            string[] classes = ClassesOf(folder);
            List<(string Path, byte Label)> files = FilesOf(folder, classes, limits);
            (int[] trainFiles, int[] testFiles) = TrainTestCut.Random(files.Count, testShare);
            train = Read([.. trainFiles.Select(i => files[i])], classes.Length, side, channels, limits);
            test = Read([.. testFiles.Select(i => files[i])], classes.Length, side, channels, limits);
        }

        PixelScaling scaling = PixelScaling.Of(train);
        return new ExampleSets(train.WithScaling(scaling), test.WithScaling(scaling));
    }

    private static string[] ClassesOf(string folder)
    {
        string[] names = [.. Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];
        return names.Length is >= 2 and <= LabelledExamples.MaxClasses
            ? names
            : throw new InvalidDataException(
                $"{folder}: expected 2 to {LabelledExamples.MaxClasses} folders, one for each class, found {names.Length}");
    }

    private static void RequireSameClasses(string folder, string[] classes)
    {
        if (!ClassesOf(folder).SequenceEqual(classes))
        {
            throw new InvalidDataException($"{folder}: expected the classes of the training folder: {string.Join(", ", classes)}");
        }
    }

    private static List<(string Path, byte Label)> FilesOf(string folder, string[] classes, ImageFolderLimits limits)
    {
        var files = new List<(string, byte)>();
        for (int label = 0; label < classes.Length; label++)
        {
            string path = Path.Combine(folder, classes[label]);
            string[] ofClass = [.. Directory.EnumerateFiles(path)
                .Where(f => Extensions.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase))
                .Take(limits.MaxFiles + 1)
                .Order(StringComparer.Ordinal)];
            if (ofClass.Length == 0)
            {
                throw new InvalidDataException($"{path}: no PNG or JPEG files");
            }

            files.AddRange(ofClass.Select(f => (f, (byte)label)));
            if (files.Count > limits.MaxFiles)
            {
                throw new InvalidDataException($"{folder}: more than the {limits.MaxFiles} pictures that are read");
            }
        }

        return files;
    }

    private static LabelledImages Read(
        List<(string Path, byte Label)> files, int classCount, int side, int channels, ImageFolderLimits limits)
    {
        int size = channels * side * side;
        if ((long)files.Count * size > limits.MaxBytes)
        {
            throw new InvalidDataException(
                $"{files.Count} pictures of {size} bytes are more than the {limits.MaxBytes} bytes that are kept; choose a smaller size");
        }

        byte[] pixels = new byte[files.Count * size];
        byte[] labels = new byte[files.Count];
        for (int i = 0; i < files.Count; i++)
        {
            (byte[] picture, int height, int width) = Picture.Read(files[i].Path, channels, limits);
            Picture.Resize(picture, height, width, channels, side, pixels.AsSpan(i * size, size));
            labels[i] = files[i].Label;
        }

        return new LabelledImages(pixels, labels, side, side, classCount, channels);
    }
}
