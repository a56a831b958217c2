using System.Globalization;
using System.Security;
using System.Text;

namespace P2PLearn.Node.Plots;

/// <summary>A drawing as SVG 1.1: plain text, with text that can be selected.</summary>
internal static class SvgWriter
{
    /// <summary>The whole file.</summary>
    public static string Write(Drawing drawing)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{drawing.Width}\" height=\"{drawing.Height}\" viewBox=\"0 0 {drawing.Width} {drawing.Height}\" font-family=\"sans-serif\">\n");
        text.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        foreach (Shape shape in drawing.Shapes)
        {
            Append(text, shape);
        }

        return text.Append("</svg>\n").ToString();
    }

    private static void Append(StringBuilder text, Shape shape)
    {
        switch (shape)
        {
            case Stroke { Points.Count: 1 } dot:
                text.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{dot.Points[0].X:0.##}\" cy=\"{dot.Points[0].Y:0.##}\" r=\"{dot.Width:0.##}\" fill=\"#{dot.Colour:x6}\"/>\n");
                break;
            case Stroke stroke:
                string dash = stroke.Dashed ? " stroke-dasharray=\"5 4\"" : "";
                text.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{Points(stroke.Points)}\" fill=\"none\" stroke=\"#{stroke.Colour:x6}\" stroke-width=\"{stroke.Width:0.##}\" stroke-linejoin=\"round\"{dash}/>\n");
                break;
            case Area area:
                text.Append(CultureInfo.InvariantCulture, $"<polygon points=\"{Points(area.Points)}\" fill=\"#{area.Colour:x6}\" fill-opacity=\"0.25\"/>\n");
                break;
            case Label label:
                string turn = label.Upwards ? string.Create(CultureInfo.InvariantCulture, $" transform=\"rotate(-90 {label.X:0.##} {label.Y:0.##})\"") : "";
                text.Append(CultureInfo.InvariantCulture, $"<text x=\"{label.X:0.##}\" y=\"{label.Y:0.##}\" font-size=\"{label.Size:0.##}\" text-anchor=\"{Name(label.Anchor)}\" fill=\"#333333\"{turn}>{SecurityElement.Escape(label.Text)}</text>\n");
                break;
        }
    }

    private static string Points(IEnumerable<(double X, double Y)> points) =>
        string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:0.##},{p.Y:0.##}")));

    private static string Name(Anchor anchor) => anchor switch
    {
        Anchor.Start => "start",
        Anchor.Middle => "middle",
        _ => "end",
    };
}
