using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class MnistTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-mnist-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_repositorys_mnist_is_the_original()
    {
        (LabelledImages train, LabelledImages test) = TestData.Mnist;

        Assert.Equal((60_000, 28, 28, 10), (train.Count, train.Height, train.Width, train.ClassCount));
        Assert.Equal(10_000, test.Count);
        Assert.Equal([5, 0, 4, 1, 9], train.Labels[..5].ToArray());
        Assert.Equal([7, 2, 1, 0, 4], test.Labels[..5].ToArray());
        double sum = 0;
        for (int i = 0; i < train.Count; i++)
        {
            foreach (byte pixel in train.Image(i))
            {
                sum += pixel;
            }
        }

        Assert.Equal(0.1307, sum / (60_000 * 784 * 255.0), 5e-5); // the mean everybody scales by
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<FileNotFoundException>(() => Mnist.Load(_directory));

        Assert.Equal($"{_directory} holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz", error.Message);
    }

    [Fact]
    public void Plain_files_are_taken_before_gzipped_ones()
    {
        WriteAll(labels: [1, 2]);
        File.WriteAllText(Path.Combine(_directory, "train-images-idx3-ubyte.gz"), "not looked at");

        (LabelledImages train, LabelledImages test) = Mnist.Load(_directory);

        Assert.Equal([1, 2], train.Labels.ToArray());
        Assert.Equal([1, 2, 3, 4], test.Image(0).ToArray());
    }

    [Fact]
    public void Another_number_of_labels_than_of_images_is_refused()
    {
        WriteAll(labels: [1, 2, 3]);

        var error = Assert.Throws<InvalidDataException>(() => Mnist.Load(_directory));

        Assert.Contains("expected a label for each of 2 images, found 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_is_no_digit_is_refused()
    {
        WriteAll(labels: [1, 10]);

        var error = Assert.Throws<InvalidDataException>(() => Mnist.Load(_directory));

        Assert.Contains("train-labels-idx1-ubyte: expected labels from 0 to 9, found 10 at image 1", error.Message, StringComparison.Ordinal);
    }

    private void WriteAll(byte[] labels)
    {
        foreach (string set in (string[])["train", "t10k"])
        {
            byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
            File.WriteAllBytes(Path.Combine(_directory, $"{set}-images-idx3-ubyte"), images);
            File.WriteAllBytes(Path.Combine(_directory, $"{set}-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, (byte)labels.Length, .. labels]);
        }
    }
}
