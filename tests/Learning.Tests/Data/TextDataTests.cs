using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class TextDataTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-text-").FullName;

    private string FilePath => Path.Combine(_directory, "book.txt");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_text_becomes_blocks_and_their_next_characters()
    {
        File.WriteAllText(FilePath, "abcabcabcabcabcabcab");

        ExampleSets sets = DataSources.Default.Load($"text:{FilePath}?length=4&test=0.25");

        Assert.Equal(ModelInput.Text(4, 3), sets.Train.Input);
        Assert.Equal((3, 1), (sets.Train.Count, sets.Test.Count)); // of 15 and 5 characters
        Assert.Equal([0, 1, 2, 0], Input(sets.Train, 0));
        Assert.Equal([1, 2, 0, 1], Targets(sets.Train, 0));
        Assert.Equal([1, 2, 0, 1], Input(sets.Train, 1));
        Assert.Equal([0, 1, 2, 0], Input(sets.Test, 0)); // the last five are "abcab"
        Assert.Equal(2, sets.Train.Take(2).Count);
        Assert.Equal(Input(sets.Train, 1), Input(sets.Train.Take(2), 1));
    }

    [Fact]
    public void With_the_fixed_vocabulary_texts_of_different_characters_agree()
    {
        File.WriteAllText(FilePath, "Zoë\n~ !Zoë\n~ !");

        LabelledExamples train = DataSources.Default.Load($"text:{FilePath}?length=3&vocabulary=ascii&test=0.3").Train;

        Assert.Equal(96, train.Input.ClassCount);
        Assert.Equal(96, Vocabulary.Ascii.Characters.Distinct().Count());
        float[] input = Input(train, 0);
        Assert.Equal("Zo?", string.Concat(input.Select(i => Vocabulary.Ascii.Characters[(int)i])));
    }

    [Theory]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaa", "expected 2 to 256 different characters, found 1")]
    [InlineData("abcde", "expected at least 10 characters for blocks of 4, found 5")]
    public void A_text_that_cannot_be_used_is_refused(string text, string message)
    {
        File.WriteAllText(FilePath, text);

        Assert.Equal($"{FilePath}: {message}", Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"text:{FilePath}?length=4")).Message);
    }

    [Fact]
    public void Too_many_characters_and_bytes_that_are_no_text_are_refused()
    {
        File.WriteAllText(FilePath, string.Concat(Enumerable.Range(0x4E00, 257).Select(c => (char)c)));
        Assert.Equal(
            $"{FilePath}: expected 2 to 256 different characters, found 257",
            Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"text:{FilePath}")).Message);

        File.WriteAllBytes(FilePath, [0xC3, 0x28, 1, 2, 3]);
        Assert.Equal($"{FilePath}: not UTF-8 text", Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"text:{FilePath}")).Message);
    }

    [Fact]
    public void A_file_beyond_the_limit_is_refused_unread()
    {
        using (FileStream file = File.Create(FilePath))
        {
            file.SetLength(TextData.MaxBytes + 1); // sparse
        }

        Assert.EndsWith(
            "bytes are more than the 268435456 that are read",
            Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"text:{FilePath}")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_check_what_they_are_given()
    {
        Assert.Throws<ArgumentException>(() => new TextBlocks(new byte[4], 4, 5));
        Assert.Throws<ArgumentException>(() => new TextBlocks(new byte[] { 0, 1, 5 }, 2, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TextBlocks(new byte[9], 2, 257));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TextBlocks(new byte[9], 2, 1));
    }

    private static float[] Input(LabelledExamples data, int index)
    {
        float[] input = new float[data.Input.Count];
        data.CopyInput(index, input);
        return input;
    }

    private static long[] Targets(LabelledExamples data, int index)
    {
        long[] targets = new long[data.Input.TargetCount];
        data.CopyTargets(index, targets);
        return targets;
    }
}
