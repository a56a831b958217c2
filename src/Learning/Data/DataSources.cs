using System.Collections.Immutable;

namespace P2PLearn.Learning.Data;

/// <summary>Readers of training data by the kind that a configuration names: <c>mnist:data/mnist</c>.</summary>
/// <remarks>
/// Immutable; a program that brings its own data adds a kind with <see cref="With"/>. A source is read whole and gives the same examples in
/// the same order on every machine: partitioners count on it.
/// </remarks>
public sealed class DataSources
{
    /// <summary>How the sources of <see cref="Default"/> are written, for a message.</summary>
    public const string Forms = "mnist:FOLDER, fashion-mnist, idx:FOLDER, csv:FILE, images:FOLDER or text:FILE";

    private readonly ImmutableSortedDictionary<string, Func<DataSource, ExampleSets>> _readers;

    private DataSources(ImmutableSortedDictionary<string, Func<DataSource, ExampleSets>> readers) => _readers = readers;

    /// <summary><c>csv</c>, <c>fashion-mnist</c>, <c>idx</c>, <c>images</c>, <c>mnist</c> and <c>text</c>.</summary>
    public static DataSources Default { get; } =
        new DataSources(ImmutableSortedDictionary.Create<string, Func<DataSource, ExampleSets>>(StringComparer.Ordinal))
            .With("csv", CsvData.Load)
            .With("fashion-mnist", FashionMnist.Load)
            .With("idx", IdxData.Load)
            .With("images", ImageFolder.Load)
            .With("mnist", LoadMnist)
            .With("text", TextData.Load);

    /// <summary>The known kinds in order.</summary>
    public IEnumerable<string> Kinds => _readers.Keys;

    /// <summary>Sources with one more kind.</summary>
    /// <param name="kind">What stands before the colon.</param>
    /// <param name="reader">Throws as <see cref="Load"/> does.</param>
    /// <exception cref="ArgumentException">The kind is taken.</exception>
    public DataSources With(string kind, Func<DataSource, ExampleSets> reader)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(reader);
        return _readers.ContainsKey(kind)
            ? throw new ArgumentException($"there is already a data source '{kind}'", nameof(kind))
            : new DataSources(_readers.Add(kind, reader));
    }

    /// <summary>Reads a source.</summary>
    /// <param name="source">E.g. <c>csv:iris.csv?label=species</c>.</param>
    /// <exception cref="ArgumentException">The source itself is wrong; one line for the user.</exception>
    /// <exception cref="InvalidDataException">What it names is not what it should be; one line with the file, and the line where it has any.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public ExampleSets Load(string source)
    {
        DataSource parsed = DataSource.Parse(source);
        return _readers.TryGetValue(parsed.Kind, out Func<DataSource, ExampleSets>? reader)
            ? reader(parsed)
            : throw new ArgumentException($"data source '{source}' is not known; write {Forms}{Added()}");
    }

    private string Added()
    {
        string[] added = [.. Kinds.Except(Default.Kinds)];
        return added.Length == 0 ? "" : $", or of a plug-in {string.Join(", ", added)}";
    }

    private static ExampleSets LoadMnist(DataSource source)
    {
        source.Require(needsPath: true);
        (LabelledImages train, LabelledImages test) = Mnist.Load(source.Path);
        return new ExampleSets(train, test);
    }
}
