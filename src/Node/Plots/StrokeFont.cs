namespace P2PLearn.Node.Plots;

/// <summary>Letters as lines, so that a picture has its text on a machine that has no fonts, and the same text on all machines.</summary>
/// <remarks>
/// A glyph is polylines separated by spaces, a point two characters: x in 0 to 4, and y from the base line up in 0 to 6, a and b being 1 and 2 below it. Capitals
/// and digits are 6 high, small letters 4.
/// </remarks>
internal static class StrokeFont
{
    private const double Gap = 1.6;
    private const double Space = 3;

    /// <summary>Grid units of a line's height: 6 above the base line, 2 below it, 1.3 between lines.</summary>
    private const double LineHeight = 9.3;

    private const string Box = "0006464000";

    private static readonly Dictionary<char, string> Glyphs = new()
    {
        ['0'] = "103041453616050110", ['1'] = "052620 0040", ['2'] = "05163645440040", ['3'] = "05163645443313 334241301001",
        ['4'] = "30360242", ['5'] = "460603334241301001", ['6'] = "453616050110304142331302", ['7'] = "064610",
        ['8'] = "13040516364544331302011030414233", ['9'] = "443313040516364541301001",
        ['A'] = "002640 1232", ['B'] = "00063645443303 3342413000", ['C'] = "4536160501103041", ['D'] = "00062644422000", ['E'] = "46060040 0333",
        ['F'] = "460600 0333", ['G'] = "45361605011030414323", ['H'] = "0600 4640 0343", ['I'] = "0600", ['J'] = "4641301001",
        ['K'] = "0600 4602 1340", ['L'] = "060040", ['M'] = "0006234640", ['N'] = "00064046", ['O'] = "103041453616050110", ['P'] = "00063645443303",
        ['Q'] = "103041453616050110 2240", ['R'] = "00063645443303 2340", ['S'] = "453616050413334241301001", ['T'] = "0646 2620",
        ['U'] = "060110304146", ['V'] = "062046", ['W'] = "0610243046", ['X'] = "0640 4600", ['Y'] = "062346 2320", ['Z'] = "06460040",
        ['a'] = "3430 3324140301102031", ['b'] = "0600 0110203133241403", ['c'] = "3324140301102031", ['d'] = "3630 3120100103142433",
        ['e'] = "02323324140301102031", ['f'] = "261510 0424", ['g'] = "343a2b1b0a 3120100103142433", ['h'] = "0600 0314243330",
        ['i'] = "0400 0606", ['j'] = "141a0b 1616", ['k'] = "0600 3402 1330", ['l'] = "060110", ['m'] = "0400 03142420 23344440", ['n'] = "0400 0314243330",
        ['o'] = "102031332414030110", ['p'] = "040b 0110203133241403", ['q'] = "343b 3120100103142433", ['r'] = "0400 03142433",
        ['s'] = "33241403122231201001", ['t'] = "16112030 0424", ['u'] = "0401102031 3430", ['v'] = "042044",
        ['w'] = "0410243044", ['x'] = "0430 3400", ['y'] = "0420 441b", ['z'] = "04340030",
        ['.'] = "0000", [','] = "010a", [':'] = "0000 0404", [';'] = "010a 0404", ['-'] = "0333", ['+'] = "0343 2521", ['='] = "0434 0232", ['_'] = "0040",
        ['/'] = "0046", ['%'] = "0046 0616150506 3141403031", ['('] = "16050110", [')'] = "06151100", ['\''] = "0605", ['!'] = "0602 0000",
        ['?'] = "051636454422 2020", ['<'] = "350331", ['>'] = "053301", ['*'] = "0343 1531 1135",
    };

    /// <summary>Width of a text.</summary>
    /// <param name="text">Any.</param>
    /// <param name="size">Height of a line.</param>
    public static double Width(string text, double size) => text.Sum(Advance) * Scale(size);

    /// <summary>The strokes of a text whose base line begins at the origin; y grows downwards.</summary>
    public static IEnumerable<(double X, double Y)[]> Strokes(string text, double size)
    {
        double x = 0;
        double scale = Scale(size);
        foreach (char c in text)
        {
            foreach (string line in Glyph(c).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                double left = x;
                yield return [.. line.Chunk(2).Select(p => ((left + (p[0] - '0')) * scale, -Height(p[1]) * scale))];
            }

            x += Advance(c);
        }
    }

    private static double Scale(double size) => size / LineHeight;

    private static double Height(char y) => y switch { 'a' => -1, 'b' => -2, _ => y - '0' };

    private static string Glyph(char c) => c == ' ' ? "" : Glyphs.GetValueOrDefault(c, Box);

    private static double Advance(char c)
    {
        string glyph = Glyph(c);
        return glyph.Length == 0 ? Space : Gap + glyph.Split(' ').SelectMany(line => line.Chunk(2)).Max(p => p[0] - '0');
    }
}
