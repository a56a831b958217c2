using System.Globalization;
using System.Xml.Linq;
using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Plots;
using SkiaSharp;

namespace P2PLearn.Node.Tests.Plots;

public sealed class ChartTests
{
    [Theory]
    [InlineData(0, 15, 0, 5, 4)]
    [InlineData(0, 100, 0, 20, 6)]
    [InlineData(0.713, 0.95, 0.7, 0.05, 6)]
    [InlineData(-3, 4, -4, 2, 5)]
    [InlineData(0, 1e-9, 0, 2e-10, 6)]
    public void Ticks_are_round_and_enclose_the_range(double least, double most, double first, double step, int count)
    {
        Ticks ticks = Ticks.Around(least, most);
        Assert.Equal(first, ticks.First, 1e-12);
        Assert.Equal(step, ticks.Step, 1e-12);
        Assert.Equal(count, ticks.Count);
        Assert.True(ticks.First <= least + 1e-12 && ticks.Last >= most - 1e-12);
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(0, 0)]
    [InlineData(-2, -2)]
    public void A_range_of_one_number_has_ticks_too(double least, double most)
    {
        Ticks ticks = Ticks.Around(least, most);
        Assert.InRange(ticks.Count, 2, 12);
        Assert.True(ticks.First <= least && ticks.Last >= most);
    }

    [Fact]
    public void A_tick_says_its_number_with_as_many_digits_as_its_step_needs()
    {
        Assert.Equal(["0.70", "0.75", "0.80"], Ticks.Around(0.7, 0.99).All.Take(3).Select(Ticks.Around(0.7, 0.99).Text));
        Assert.Equal(["0", "5", "10", "15"], Ticks.Around(0, 15).All.Select(Ticks.Around(0, 15).Text));
        Assert.Equal(["0", "1", "2"], Ticks.Around(0, 2).Whole().All.Select(Ticks.Around(0, 2).Whole().Text));
    }

    [Fact]
    public void A_run_has_four_charts_and_one_without_attackers_three()
    {
        Assert.Equal(["accuracy-rounds", "accuracy-bytes", "disagreement", "kept"], RunCharts.Of([Run("", 2)]).Select(c => c.Name));
        Assert.Equal(["accuracy-rounds", "accuracy-bytes", "disagreement"], RunCharts.Of([Run("", 0)]).Select(c => c.Name));
        Assert.Empty(RunCharts.Of([new PlottedRun("", [new RunResults(Settings, [], null)])]));
    }

    [Fact]
    public void Few_attackers_have_a_line_each_and_many_a_band()
    {
        Assert.Equal(["attacker 1", "attacker 2"], RunCharts.Of([Run("", 2)])[3].Series.Select(s => s.Name));
        ChartSeries many = Assert.Single(RunCharts.Of([Run("", 20)])[3].Series);
        Assert.Equal(many.Points.Count, many.Band.Count);
        Assert.Equal(["a", "b"], RunCharts.Of([Run("a", 2), Run("b", 2)])[3].Series.Select(s => s.Name));
    }

    [Fact]
    public void Seeds_are_averaged_round_by_round_and_rounds_that_not_all_have_are_left_out()
    {
        RunResults whole = Run("", 1).Results[0];
        var other = new RunResults(Settings, [.. whole.Rounds.Take(3).Select(r => r with { AccuracyMean = r.AccuracyMean + 0.2 })], null);
        Chart chart = RunCharts.Of([new PlottedRun("both", [whole, other])])[0];
        Assert.Equal(3, chart.Series[0].Points.Count);
        Assert.Equal((100 * whole.Rounds[0].AccuracyMean!.Value) + 10, chart.Series[0].Points[0].Y, 1e-9);
    }

    [Fact]
    public void Everything_is_on_the_paper_and_labels_of_an_axis_do_not_touch()
    {
        foreach (Chart chart in RunCharts.Of([.. Enumerable.Range(0, 20).Select(i => Run($"aggregator=trimmed-mean,attack=sparse-alie,byzantine={i}", 12))]))
        {
            Drawing drawing = ChartLayout.Of(chart);
            Label[] labels = [.. drawing.Shapes.OfType<Label>()];
            Assert.All(drawing.Shapes.OfType<Stroke>().SelectMany(s => s.Points), p => Assert.True(p.X >= 0 && p.X <= drawing.Width && p.Y >= 0 && p.Y <= drawing.Height, $"{p}"));
            Assert.All(labels.Where(l => !l.Upwards), l => Assert.InRange(Ends(l).Right, 0, drawing.Width));
            Assert.All(labels.Where(l => !l.Upwards), l => Assert.InRange(Ends(l).Left, 0, drawing.Width));
            foreach (IGrouping<double, Label> line in labels.Where(l => !l.Upwards).GroupBy(l => l.Y))
            {
                (double Left, double Right)[] ends = [.. line.Select(Ends).OrderBy(e => e.Left)];
                Assert.All(ends.Zip(ends.Skip(1)), pair => Assert.True(pair.First.Right < pair.Second.Left, chart.Name));
            }

            Assert.Contains(labels, l => l.Text == "and 4 more");
        }
    }

    [Fact]
    public void An_svg_is_well_formed_and_says_names_as_they_are()
    {
        Chart chart = RunCharts.Of([Run("a<b&\"c\"", 1), Run("other", 1)])[0];
        XDocument svg = XDocument.Parse(SvgWriter.Write(ChartLayout.Of(chart)));
        XNamespace name = "http://www.w3.org/2000/svg";
        Assert.Contains(svg.Descendants(name + "text"), t => t.Value == "a<b&\"c\"");
        Assert.Contains(svg.Descendants(name + "text"), t => t.Value == chart.Title);
        Assert.True(svg.Descendants(name + "polyline").Count() > 10);
    }

    [Fact]
    public void A_png_has_twice_the_size_and_ink_where_lines_and_text_are()
    {
        Drawing drawing = new(
            100, 60,
            [new Stroke([(10, 10), (90, 10)], 0xFF0000, 4), new Label(50, 40, "Ab3", 20, Anchor.Middle), new Area([(0, 50), (100, 50), (100, 60), (0, 60)], 0x0000FF)]);
        using SKBitmap picture = SKBitmap.Decode(PngWriter.Write(drawing));
        Assert.Equal((200, 120), (picture.Width, picture.Height));
        Assert.Equal(new SKColor(255, 0, 0), picture.GetPixel(100, 20));
        Assert.Equal(SKColors.White, picture.GetPixel(5, 5));
        Assert.Equal(new SKColor(191, 191, 255), picture.GetPixel(100, 115));
        double middle = StrokeFont.Width("Ab3", 20);
        Assert.True(Dark(picture, 100 - (int)middle, 50, 100 + (int)middle, 84) > 100, "no text");
        Assert.Equal(0, Dark(picture, 0, 50, 90 - (int)middle, 84));
    }

    [Fact]
    public void Every_printable_letter_has_strokes_of_its_own()
    {
        string[] letters = [.. "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-+=_/%()!?<>*'".Select(c => c.ToString(CultureInfo.InvariantCulture))];
        string[] drawn = [.. letters.Select(c => string.Join(' ', StrokeFont.Strokes(c, 9.3).Select(line => string.Join(',', line))))];
        Assert.DoesNotContain(string.Join(',', StrokeFont.Strokes("€", 9.3).Single()), drawn);
        Assert.Equal(letters.Length - 1, drawn.Distinct().Count()); // capital O and zero are one
    }

    private static SimulationSettings Settings { get; } = SimulationSettings.Of(new SimulationOptions());

    private static PlottedRun Run(string name, int attackers) => new(name, [new RunResults(Settings, [.. Enumerable.Range(1, 5).Select(i => new SimulationRound
    {
        Round = i,
        Rounds = 5,
        VirtualSeconds = i,
        BytesPerNode = 1_000_000L * i,
        Present = 9,
        Mixed = 9,
        Measured = 2,
        AccuracyMean = 0.5 + (0.05 * i),
        AccuracyWorst = 0.4 + (0.05 * i),
        Disagreement = 1.0 / i,
        KeptShare = attackers == 0 ? null : 0.5,
        KeptShareOfEach = [.. Enumerable.Range(0, attackers).Select(a => (double?)a / attackers)],
    })], null)]);

    private static (double Left, double Right) Ends(Label label)
    {
        double width = StrokeFont.Width(label.Text, label.Size);
        double left = label.X - (label.Anchor switch { Anchor.Start => 0, Anchor.Middle => width / 2, _ => width });
        return (left, left + width);
    }

    private static int Dark(SKBitmap picture, int left, int top, int right, int bottom) =>
        Enumerable.Range(top, bottom - top).Sum(y => Enumerable.Range(left, right - left).Count(x => picture.GetPixel(x, y).Red < 128));
}
