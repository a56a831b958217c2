using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class DataSourceTests
{
    [Theory]
    [InlineData("imagenet:x", "data source 'imagenet:x' is not known; write mnist:FOLDER, fashion-mnist, idx:FOLDER, csv:FILE, images:FOLDER or text:FILE")]
    [InlineData("", "data source '' is not known; write mnist:FOLDER, fashion-mnist, idx:FOLDER, csv:FILE, images:FOLDER or text:FILE")]
    [InlineData("csv:", "data source 'csv:' needs a file or folder after 'csv:'")]
    [InlineData("mnist", "data source 'mnist' needs a file or folder after 'mnist:'")]
    [InlineData("mnist:x?label=y", "data source 'mnist:x?label=y': mnist has no option 'label'; it has none")]
    [InlineData("csv:x?lable=y", "data source 'csv:x?lable=y': csv has no option 'lable'; it has label, header, test")]
    [InlineData("csv:x?label", "data source 'csv:x?label': 'label' must be name=value, and each name once")]
    [InlineData("csv:x?label=", "data source 'csv:x?label=': 'label=' must be name=value, and each name once")]
    [InlineData("csv:x?=y", "data source 'csv:x?=y': '=y' must be name=value, and each name once")]
    [InlineData("csv:x?test=0.1&test=0.2", "data source 'csv:x?test=0.1&test=0.2': 'test=0.2' must be name=value, and each name once")]
    [InlineData("csv:x?header=maybe", "data source 'csv:x?header=maybe': header must be yes or no")]
    [InlineData("csv:x?test=1", "data source 'csv:x?test=1': test must be a share between 0 and 1, such as 0.2")]
    [InlineData("csv:x?test=NaN", "data source 'csv:x?test=NaN': test must be a share between 0 and 1, such as 0.2")]
    [InlineData("text:x?length=0", "data source 'text:x?length=0': length must be a number from 1 to 1024")]
    [InlineData("text:x?length=2000", "data source 'text:x?length=2000': length must be a number from 1 to 1024")]
    [InlineData("text:x?vocabulary=latin", "data source 'text:x?vocabulary=latin': vocabulary must be file or ascii")]
    [InlineData("idx:x?classes=1", "data source 'idx:x?classes=1': classes must be a number from 2 to 256")]
    [InlineData("images:x?size=big", "data source 'images:x?size=big': size must be a number from 1 to 512")]
    [InlineData("images:x?colours=cmyk", "data source 'images:x?colours=cmyk': colours must be rgb or grey")]
    public void A_source_that_is_wrong_is_refused_in_one_line(string source, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => DataSources.Default.Load(source)).Message);

    [Theory]
    [InlineData("csv:/no/such/file.csv")]
    [InlineData("text:/no/such/file.txt")]
    [InlineData("mnist:/no/such/folder")]
    [InlineData("fashion-mnist:/no/such/folder")]
    [InlineData("images:/no/such/folder")]
    [InlineData("idx:/no/such/folder")]
    public void What_is_not_there_is_an_error_of_the_file_system(string source) =>
        Assert.IsAssignableFrom<IOException>(Record.Exception(() => DataSources.Default.Load(source)));

    [Fact]
    public void Fashion_mnist_comes_from_its_package_or_says_which_one_is_missing()
    {
        if (Directory.Exists(FashionMnist.PackagedFolder))
        {
            var train = Assert.IsType<LabelledImages>(DataSources.Default.Load("fashion-mnist").Train);
            Assert.Equal((60_000, 28, 28, 10), (train.Count, train.Height, train.Width, train.ClassCount));
            PixelScaling measured = PixelScaling.Of(train);
            Assert.Equal(FashionMnist.Scaling.Mean, measured.Mean, 1e-4);
            Assert.Equal(FashionMnist.Scaling.Deviation, measured.Deviation, 1e-4);
        }
        else
        {
            Assert.Equal(
                "Fashion-MNIST is not in /usr/share/datasets/fashion-mnist; install Debian's package dataset-fashion-mnist, or write fashion-mnist:FOLDER",
                Assert.Throws<FileNotFoundException>(() => DataSources.Default.Load("fashion-mnist")).Message);
        }
    }

    [Fact]
    public void Fashion_mnist_in_another_folder_is_scaled_as_fashion()
    {
        ExampleSets sets = DataSources.Default.Load($"fashion-mnist:{TestData.MnistDirectory}"); // the digits are of the same form

        Assert.Equal(FashionMnist.Scaling, Assert.IsType<LabelledImages>(sets.Train).Scaling);
        Assert.Equal(PixelScaling.Mnist, Assert.IsType<LabelledImages>(DataSources.Default.Load($"mnist:{TestData.MnistDirectory}").Train).Scaling);
    }

    [Theory]
    [InlineData("fashion-mnist")]
    [InlineData("rings:?count=20")]
    public void A_source_without_a_path_stays_as_it_is(string source) => Assert.Equal(source, DataSource.Parse(source).WithAbsolutePath());

    [Fact]
    public void A_source_with_an_absolute_path_keeps_its_options() =>
        Assert.Equal(
            $"csv:{Path.GetFullPath("a/b.csv")}?label=x:y&test=0.5", DataSource.Parse("csv:a/b.csv?label=x:y&test=0.5").WithAbsolutePath());

    [Fact]
    public void A_program_adds_a_source_of_its_own()
    {
        LabelledImages noise = TestData.Noise(4, 8, 2, seed: 1);
        DataSources sources = DataSources.Default.With("noise", source => new ExampleSets(noise, noise.Take(source.Integer("test", 1, 1, 4))));

        Assert.Equal(2, sources.Load("noise:?test=2").Test.Count);
        Assert.Equal(["csv", "fashion-mnist", "idx", "images", "mnist", "noise", "text"], sources.Kinds);
        Assert.Throws<ArgumentException>(() => sources.With("csv", _ => new ExampleSets(noise, noise)));
        Assert.EndsWith("or text:FILE, or of a plug-in noise", Assert.Throws<ArgumentException>(() => sources.Load("nois")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_check_what_they_are_given()
    {
        Assert.Throws<ArgumentException>(() => new LabelledFeatures(new float[5], new byte[2], 2, ["a", "b"]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LabelledFeatures(new float[4], new byte[] { 0, 2 }, 2, ["a", "b"]));
        Assert.Throws<ArgumentException>(() => new LabelledImages(new byte[8], new byte[2], 2, 2, 2, channels: 3));
    }
}
