using System.Globalization;

namespace P2PLearn.Node.Plots;

/// <summary>Round numbers on an axis.</summary>
/// <param name="First">The lowest; the axis begins here.</param>
/// <param name="Step">Between two.</param>
/// <param name="Count">At least 2; the axis ends at the last.</param>
internal readonly record struct Ticks(double First, double Step, int Count)
{
    /// <summary>The highest.</summary>
    public double Last => First + (Step * (Count - 1));

    /// <summary>All of them.</summary>
    public IEnumerable<double> All
    {
        get
        {
            (double first, double step) = (First, Step);
            return Enumerable.Range(0, Count).Select(i => first + (step * i));
        }
    }

    /// <summary>Some five to ten numbers of 1, 2 or 5 times a power of ten that enclose a range.</summary>
    public static Ticks Around(double least, double most)
    {
        double range = most - least > 1e-12 * Math.Max(1, Math.Abs(most)) ? most - least : Math.Max(1e-6, Math.Abs(most) * 0.2);
        double rough = range / 6;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        double first = Math.Floor((least / step) + 1e-9);
        double last = Math.Max(Math.Ceiling((most / step) - 1e-9), first + 1);
        return new Ticks(first * step, step, (int)(last - first) + 1);
    }

    /// <summary>Whole numbers only, for rounds.</summary>
    public Ticks Whole() => Step >= 1 ? this : new Ticks(Math.Floor(First), 1, (int)(Math.Ceiling(Last) - Math.Floor(First)) + 1);

    /// <summary>A number as its tick says it.</summary>
    public string Text(double value)
    {
        int digits = Math.Clamp(-(int)Math.Floor(Math.Log10(Step) + 1e-9), 0, 9);
        double shown = Math.Abs(value) < Step * 1e-9 ? 0 : value;
        return shown.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }
}
