namespace P2PLearn.Node.Plots;

/// <summary>Puts a chart onto paper: axes, ticks, lines and legend. Pure; SVG and PNG are drawn from the same.</summary>
internal sealed class ChartLayout
{
    /// <summary>Entries of a legend; the rest are counted.</summary>
    public const int MaxLegend = 16;

    /// <summary>Characters of a legend's entry; longer ones lose their end.</summary>
    public const int MaxLegendText = 34;

    private const int Width = 900;
    private const int Height = 500;
    private const double Left = 80;
    private const double Top = 50;
    private const double Bottom = 440;
    private const double TextSize = 14;
    private const double LegendLine = 20;
    private const double CharacterWidth = 7.6;
    private const uint Ink = 0x333333;
    private const uint Faint = 0xDDDDDD;

    // Okabe and Ito's colours, which the colour-blind tell apart; black last.
    private static readonly uint[] Colours = [0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x8C6BB1, 0x000000];

    private readonly Chart _chart;
    private readonly ChartSeries[] _named;
    private readonly Ticks _x;
    private readonly Ticks _y;
    private readonly double _right;
    private readonly List<Shape> _shapes = [];

    private ChartLayout(Chart chart)
    {
        _chart = chart;
        _named = [.. chart.Series.Where(s => s.Name.Length > 0)];
        double legend = _named.Length > 0 ? 40 + (CharacterWidth * Math.Min(MaxLegendText, _named.Max(s => s.Name.Length))) : 0;
        _right = Width - 30 - legend;
        (double X, double Y)[] all = [.. chart.Series.SelectMany(s => s.Points)];
        double[] ys = [.. all.Select(p => p.Y), .. chart.Series.SelectMany(s => s.Band).SelectMany(b => (double[])[b.Least, b.Most])];
        bool rounds = all.All(p => p.X == Math.Floor(p.X));
        Ticks x = Ticks.Around(Math.Min(0, all.Min(p => p.X)), all.Max(p => p.X));
        _x = rounds ? x.Whole() : x;
        Ticks y = Ticks.Around(chart.FromZero ? 0 : ys.Min(), ys.Max());
        _y = chart.Most is { } most && y.Last > most ? new Ticks(y.First, y.Step, Math.Max(2, (int)Math.Ceiling((most - y.First) / y.Step - 1e-9) + 1)) : y;
    }

    /// <summary>Lays out.</summary>
    /// <param name="chart">With at least one point.</param>
    public static Drawing Of(Chart chart)
    {
        var layout = new ChartLayout(chart);
        layout.Axes();
        layout.Lines();
        layout.Legend();
        return new Drawing(Width, Height, layout._shapes);
    }

    private void Axes()
    {
        foreach (double x in _x.All)
        {
            _shapes.Add(new Stroke([(AtX(x), Top), (AtX(x), Bottom)], Faint, 1));
            _shapes.Add(new Label(AtX(x), Bottom + 20, _x.Text(x), TextSize, Anchor.Middle));
        }

        foreach (double y in _y.All)
        {
            _shapes.Add(new Stroke([(Left, AtY(y)), (_right, AtY(y))], Faint, 1));
            _shapes.Add(new Label(Left - 8, AtY(y) + 5, _y.Text(y), TextSize, Anchor.End));
        }

        _shapes.Add(new Stroke([(Left, Top), (Left, Bottom), (_right, Bottom)], Ink, 1.5));
        _shapes.Add(new Label((Left + _right) / 2, 30, _chart.Title, 17, Anchor.Middle));
        _shapes.Add(new Label((Left + _right) / 2, Bottom + 45, _chart.X, TextSize, Anchor.Middle));
        _shapes.Add(new Label(22, (Top + Bottom) / 2, _chart.Y, TextSize, Anchor.Middle, Upwards: true));
    }

    private void Lines()
    {
        foreach (ChartSeries series in _chart.Series.Where(s => s.Band.Count > 0))
        {
            IEnumerable<(double, double)> upper = series.Points.Zip(series.Band, (p, b) => (AtX(p.X), AtY(b.Most)));
            IEnumerable<(double, double)> lower = series.Points.Zip(series.Band, (p, b) => (AtX(p.X), AtY(b.Least)));
            _shapes.Add(new Area([.. upper, .. lower.Reverse()], Colour(series)));
        }

        foreach (ChartSeries series in _chart.Series)
        {
            _shapes.Add(new Stroke([.. series.Points.Select(p => (AtX(p.X), AtY(p.Y)))], Colour(series), series.Dashed ? 1.2 : 2, series.Dashed || Again(series)));
        }
    }

    private void Legend()
    {
        for (int i = 0; i < Math.Min(_named.Length, MaxLegend); i++)
        {
            double y = Top + 10 + (i * LegendLine);
            ChartSeries series = _named[i];
            string name = series.Name.Length > MaxLegendText ? series.Name[..(MaxLegendText - 2)] + ".." : series.Name;
            _shapes.Add(new Stroke([(_right + 14, y), (_right + 34, y)], Colour(series), series.Dashed ? 1.2 : 2, series.Dashed || Again(series)));
            _shapes.Add(new Label(_right + 40, y + 5, name, TextSize, Anchor.Start));
        }

        if (_named.Length > MaxLegend)
        {
            _shapes.Add(new Label(_right + 40, Top + 15 + (MaxLegend * LegendLine), $"and {_named.Length - MaxLegend} more", TextSize, Anchor.Start));
        }
    }

    // When the colours are used up they come again, dashed.
    private static bool Again(ChartSeries series) => series.Colour / Colours.Length % 2 == 1;

    private static uint Colour(ChartSeries series) => Colours[series.Colour % Colours.Length];

    private double AtX(double x) => Left + ((x - _x.First) / (_x.Last - _x.First) * (_right - Left));

    private double AtY(double y) => Bottom - ((y - _y.First) / (_y.Last - _y.First) * (Bottom - Top));
}
