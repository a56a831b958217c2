namespace P2PLearn.Node.Plots;

/// <summary>Where a text is, seen from its point.</summary>
internal enum Anchor
{
    /// <summary>It begins there.</summary>
    Start,

    /// <summary>Its middle is there.</summary>
    Middle,

    /// <summary>It ends there.</summary>
    End,
}

/// <summary>Something to draw. Lengths are pixels, y grows downwards.</summary>
internal abstract record Shape
{
    private protected Shape()
    {
    }
}

/// <summary>A line through points; one point is a dot.</summary>
internal sealed record Stroke(IReadOnlyList<(double X, double Y)> Points, uint Colour, double Width, bool Dashed = false) : Shape;

/// <summary>A filled polygon; a quarter as strong as its colour.</summary>
internal sealed record Area(IReadOnlyList<(double X, double Y)> Points, uint Colour) : Shape;

/// <summary>A line of text.</summary>
/// <param name="X">Of the anchor.</param>
/// <param name="Y">Of the base line.</param>
/// <param name="Text">Printable ASCII shows in a PNG, all else as a box.</param>
/// <param name="Size">Height of a line.</param>
/// <param name="Anchor">Where the text is from there.</param>
/// <param name="Upwards">Turned a quarter to the left around the point.</param>
internal sealed record Label(double X, double Y, string Text, double Size, Anchor Anchor, bool Upwards = false) : Shape;

/// <summary>A picture before it is written: white, with shapes on it, the last on top.</summary>
internal sealed record Drawing(int Width, int Height, IReadOnlyList<Shape> Shapes);
