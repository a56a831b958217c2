using System.Globalization;

namespace P2PLearn.Learning.Simulation;

/// <summary>A number, or all numbers between two, from which one is drawn.</summary>
/// <param name="Least">The smallest.</param>
/// <param name="Most">The largest; at least <paramref name="Least"/>.</param>
public readonly record struct NumberRange(double Least, double Most)
{
    /// <summary>Reads "20" or "1-50".</summary>
    /// <param name="text">Digits and points; no sign, no unit.</param>
    /// <param name="name">Of the setting, for the message.</param>
    /// <exception cref="ArgumentException">Something else, or the ends the wrong way round; one line for the user.</exception>
    public static NumberRange Parse(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] ends = text.Split('-');
        if (ends.Length <= 2 && TryRead(ends[0], out double least) && TryRead(ends[^1], out double most) && least <= most)
        {
            return new NumberRange(least, most);
        }

        throw new ArgumentException($"{name} is '{text}', but must be a number or two such as 1-50, the smaller one first");
    }

    /// <summary>The number at a share of the way.</summary>
    /// <param name="share">In [0, 1).</param>
    public double At(double share) => Least == Most ? Least : Least + ((Most - Least) * share);

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => Least == Most
        ? Least.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Least}-{Most}");

    private static bool TryRead(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
