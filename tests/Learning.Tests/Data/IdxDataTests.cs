using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class IdxDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-idx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Classes_are_counted_from_the_training_labels_and_pixels_scaled_by_the_training_images()
    {
        Write("train", [0, 3], side: 2, pixel: 10);
        Write("t10k", [2], side: 2, pixel: 90);

        ExampleSets sets = DataSources.Default.Load($"idx:{_folder}");

        Assert.Equal(ModelInput.Image(1, 2, 2, 4), sets.Train.Input);
        Assert.Equal(sets.Train.Input, sets.Test.Input);
        LabelledImages test = Assert.IsType<LabelledImages>(sets.Test);
        Assert.Equal(PixelScaling.Of(Assert.IsType<LabelledImages>(sets.Train)), test.Scaling);
    }

    [Fact]
    public void Names_and_classes_can_be_given()
    {
        Write("letters-train", [1, 2], side: 3, pixel: 1);
        Write("letters-test", [26], side: 3, pixel: 1);

        ExampleSets sets = DataSources.Default.Load($"idx:{_folder}?train=letters-train&test=letters-test&classes=27");

        Assert.Equal((2, 1, 27), (sets.Train.Count, sets.Test.Count, sets.Train.Input.ClassCount));
    }

    [Theory]
    [InlineData("", "expected labels from 0 to 1, found 2 at image 0")] // the training set says how many there are
    [InlineData("?classes=2", "expected labels from 0 to 1, found 2 at image 0")]
    [InlineData("?classes=3", "the test set has images of 1×3×3 in 3 classes, the training set images of 1×2×2 in 3 classes")]
    public void Sets_that_do_not_fit_each_other_are_refused(string options, string message)
    {
        Write("train", [0, 1], side: 2, pixel: 1);
        Write("t10k", [2], side: 3, pixel: 1);

        var error = Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"idx:{_folder}{options}"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private void Write(string prefix, byte[] labels, byte side, byte pixel)
    {
        byte[] pixels = new byte[labels.Length * side * side];
        Array.Fill(pixels, pixel);
        pixels[0] = 0;
        byte count = (byte)labels.Length;
        File.WriteAllBytes(Path.Combine(_folder, $"{prefix}-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side, .. pixels]);
        File.WriteAllBytes(Path.Combine(_folder, $"{prefix}-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, count, .. labels]);
    }
}
