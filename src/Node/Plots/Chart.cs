namespace P2PLearn.Node.Plots;

/// <summary>A chart before anybody knows how it is drawn.</summary>
internal sealed record Chart
{
    /// <summary>Part of the files' names.</summary>
    public required string Name { get; init; }

    /// <summary>What it shows, above it.</summary>
    public required string Title { get; init; }

    /// <summary>What is on the x axis, with its unit.</summary>
    public required string X { get; init; }

    /// <summary>What is on the y axis, with its unit.</summary>
    public required string Y { get; init; }

    /// <summary>Whether the y axis begins at 0.</summary>
    public bool FromZero { get; init; }

    /// <summary>The largest y that makes sense; null when there is none.</summary>
    public double? Most { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<ChartSeries> Series { get; init; }
}

/// <summary>A line of a chart.</summary>
/// <param name="Name">In the legend; empty for a line that has no entry.</param>
/// <param name="Points">Ascending x.</param>
/// <param name="Colour">Lines with the same number have the same colour; from 0 on.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y)> Points, int Colour)
{
    /// <summary>Whether it is thin and dashed.</summary>
    public bool Dashed { get; init; }

    /// <summary>Least and most at each point, drawn as a band; empty for none.</summary>
    public IReadOnlyList<(double Least, double Most)> Band { get; init; } = [];
}
