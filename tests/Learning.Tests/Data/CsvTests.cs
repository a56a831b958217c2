using CsCheck;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class CsvTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-csv-").FullName;

    private string FilePath => Path.Combine(_directory, "data.csv");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Rows_become_standardised_numbers_and_classes_in_order()
    {
        File.WriteAllText(FilePath, "a,species,b\n1,wolf,7\n2,cat,7\n3,wolf,7\n4,cat,7\n5,ape,7\n6,ape,7\n7,cat,7\n8,cat,7\n9,cat,7\n10,ape,7\n");

        ExampleSets sets = DataSources.Default.Load($"csv:{FilePath}?label=species");

        var train = Assert.IsType<LabelledFeatures>(sets.Train);
        Assert.Equal((8, 2), (train.Count, sets.Test.Count));
        Assert.Equal(ModelInput.Features(2, 3), train.Input);
        Assert.Equal(["ape", "cat", "wolf"], train.ClassNames);
        float[][] rows = [.. Enumerable.Range(0, 8).Select(i => Row(train, i))];
        Assert.Equal(0, rows.Average(r => r[0]), 1e-5);
        Assert.Equal(1, rows.Average(r => r[0] * r[0]), 1e-5);
        Assert.All(rows, r => Assert.Equal(0, r[1])); // a column that never changes
        Assert.Equal(rows.Select(r => r[0]).Order(), rows.Select(r => r[0])); // in the order of the file
    }

    [Fact]
    public void The_cut_is_the_same_everywhere_and_no_row_is_on_both_sides()
    {
        File.WriteAllLines(FilePath, Enumerable.Range(0, 100).Select(i => $"{i},{i % 2}"));

        ExampleSets first = DataSources.Default.Load($"csv:{FilePath}?header=no&test=0.3");
        ExampleSets second = DataSources.Default.Load($"csv:{FilePath}?header=no&test=0.3");

        float[] train = [.. Enumerable.Range(0, first.Train.Count).Select(i => Row(first.Train, i)[0])];
        float[] test = [.. Enumerable.Range(0, first.Test.Count).Select(i => Row(first.Test, i)[0])];
        Assert.Equal((70, 30), (train.Length, test.Length));
        Assert.Equal(100, train.Concat(test).Distinct().Count());
        Assert.Equal(test, Enumerable.Range(0, 30).Select(i => Row(second.Test, i)[0]));
    }

    [Fact]
    public void Labels_that_are_numbers_are_ordered_by_size()
    {
        File.WriteAllText(FilePath, "x,y\n1,10\n2,2\n3,10\n4,1\n");

        Assert.Equal(["1", "2", "10"], Assert.IsType<LabelledFeatures>(DataSources.Default.Load($"csv:{FilePath}").Train).ClassNames);
    }

    [Fact]
    public void Quotes_line_ends_and_a_byte_order_mark_are_read_as_RFC_4180_says()
    {
        File.WriteAllText(FilePath, "\uFEFF\"the \"\"x\"\"\",\"la,bel\"\r\n\"1\",\"a\r\nb\"\r\n\r\n2,c\r\n");

        var train = Assert.IsType<LabelledFeatures>(DataSources.Default.Load($"csv:{FilePath}?label=la,bel").Train);

        Assert.Equal(["a\r\nb", "c"], train.ClassNames);
    }

    [Theory]
    [InlineData("x,y\n1,a\n,b\n", ":3: column 'x' is empty; missing values are not guessed")]
    [InlineData("x,y\n1,a\n2,\n", ":3: column 'y' is empty; missing values are not guessed")]
    [InlineData("x,y\n1,a\nNA,b\n", ":3: column 'x' is 'NA', expected a number")]
    [InlineData("x,y\n1,a\nNaN,b\n", ":3: column 'x' is 'NaN', expected a number")]
    [InlineData("x,y\n1,a\n1e99,b\n", ":3: column 'x' is '1e99', expected a number")]
    [InlineData("x,y\n1,a\n\"1,5\",b\n", ":3: column 'x' is '1,5', expected a number")]
    [InlineData("x,y\n\"1\n2\",a\n", ":2: column 'x' is '1 2', expected a number")]
    [InlineData("x,y\n1,a\n2\n", ":3: expected 2 fields, found 1")]
    [InlineData("x,y\n1,a\n\n2,b,c\n", ":4: expected 2 fields, found 3")]
    [InlineData("x,y\n1,\"a\nb\n", ":2: a quoted field that does not end")]
    [InlineData("x,y\n1,a\"b\n", ":2: a quote inside a field that is not quoted")]
    [InlineData("x,y\n1,\"a\"b\n", ":2: text behind the end of a quoted field")]
    [InlineData("", ": expected a label and at least one number in a row, found 0 columns")]
    [InlineData("y\na\nb\n", ": expected a label and at least one number in a row, found 1 columns")]
    [InlineData("x,y\n", ": expected at least 2 rows, found 0")]
    [InlineData("x,y\n1,a\n2,a\n", ": expected 2 to 256 different labels, found 1")]
    public void What_cannot_be_used_is_refused_with_its_line(string content, string message)
    {
        File.WriteAllText(FilePath, content);

        Assert.Equal(FilePath + message, Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"csv:{FilePath}")).Message);
    }

    [Fact]
    public void A_column_that_does_not_exist_is_refused_with_those_that_do()
    {
        File.WriteAllText(FilePath, "x,y\n1,a\n2,b\n");

        string Message(string label) => Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"csv:{FilePath}?label={label}")).Message;

        Assert.Equal($"{FilePath}: there is no column 'z' for the label; there are x, y", Message("z"));
        Assert.Equal($"{FilePath}: there is no column '3' for the label; there are x, y", Message("3"));
        Assert.Equal($"{FilePath}: there is no column '0' for the label; there are x, y", Message("0"));
        Assert.Equal(2, DataSources.Default.Load($"csv:{FilePath}?label=2").Train.ClassCount);
    }

    [Fact]
    public void What_is_not_UTF8_is_refused()
    {
        File.WriteAllBytes(FilePath, [.. "x,y\n1,a\n2,"u8, 0xFF, 0xFE, (byte)'\n']);

        Assert.EndsWith(": not UTF-8", Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"csv:{FilePath}")).Message, StringComparison.Ordinal);
    }

    public static TheoryData<CsvLimits, string> Limits => new()
    {
        { new CsvLimits { MaxBytes = 10 }, ": 31 bytes are more than the 10 that are read" },
        { new CsvLimits { MaxColumns = 2 }, ":1: more than 2 fields" },
        { new CsvLimits { MaxFieldLength = 6 }, ":3: a field of more than 6 characters" },
        { new CsvLimits { MaxValues = 3 }, ":3: more than 3 numbers in all" },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void What_is_beyond_a_limit_is_refused(CsvLimits limits, string message)
    {
        File.WriteAllText(FilePath, "x,z,y\n1,2,a\n1234567,3,b\n4,5,c\n\n");

        Assert.Equal(FilePath + message, Assert.Throws<InvalidDataException>(() => CsvData.Load(FilePath, null, true, 0.2, limits)).Message);
    }

    [Fact]
    public void Any_bytes_are_data_or_refused_in_one_line() =>
        Gen.OneOf(
                Gen.Byte.Array[0, 60],
                Of("1", ",", "\n", "\"", "a", "\r\n", "x,y\n", "2,b\n", "-3.5").Array[0, 30]
                    .Select(parts => System.Text.Encoding.UTF8.GetBytes(string.Concat(parts))))
            .Sample(
                bytes =>
                {
                    File.WriteAllBytes(FilePath, bytes);
                    try
                    {
                        CsvData.Load(FilePath, null, true, 0.2, new CsvLimits { MaxColumns = 8 });
                        return true;
                    }
                    catch (InvalidDataException e)
                    {
                        return e.Message.StartsWith(FilePath, StringComparison.Ordinal) && !e.Message.Contains('\n', StringComparison.Ordinal);
                    }
                },
                iter: 1500,
                threads: 1);

    [Fact]
    public void Fields_come_back_as_they_were_written() =>
        Of("", "a", "1,2", "say \"so\"", "two\nlines", "é", " x ").Array[2, 5].Array[1, 6].Sample(
            rows =>
            {
                File.WriteAllText(FilePath, string.Concat(rows.Select(r =>
                    string.Join(',', r.Select(f => $"\"{f.Replace("\"", "\"\"", StringComparison.Ordinal)}\"")) + "\r\n")));
                using var reader = new CsvReader(FilePath, new CsvLimits());
                var fields = new List<string>();
                return rows.All(row => reader.TryRead(fields) && fields.SequenceEqual(row)) && !reader.TryRead(fields);
            },
            iter: 300,
            threads: 1);

    private static Gen<string> Of(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static float[] Row(LabelledExamples data, int index)
    {
        float[] row = new float[data.Input.Count];
        data.CopyInput(index, row);
        return row;
    }
}
