using SkiaSharp;

namespace P2PLearn.Node.Plots;

/// <summary>A drawing as PNG, twice as large as its lengths say, so that it is sharp on the screens of today.</summary>
internal static class PngWriter
{
    private const int Magnification = 2;

    /// <summary>The whole file.</summary>
    public static byte[] Write(Drawing drawing)
    {
        using var bitmap = new SKBitmap(drawing.Width * Magnification, drawing.Height * Magnification);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        canvas.Scale(Magnification);
        foreach (Shape shape in drawing.Shapes)
        {
            Draw(canvas, shape);
        }

        using SKImage image = SKImage.FromBitmap(bitmap);
        using SKData data = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        return data.ToArray();
    }

    private static void Draw(SKCanvas canvas, Shape shape)
    {
        switch (shape)
        {
            case Stroke stroke:
                using (SKPathEffect? dash = stroke.Dashed ? SKPathEffect.CreateDash([5, 4], 0) : null)
                {
                    DrawLine(canvas, stroke.Points, stroke.Colour, stroke.Points.Count == 1 ? 2 * stroke.Width : stroke.Width, dash);
                }

                break;
            case Area area:
                using (var paint = new SKPaint { Color = Colour(area.Colour).WithAlpha(64), IsAntialias = true, Style = SKPaintStyle.Fill })
                using (SKPath path = PathOf(area.Points))
                {
                    path.Close();
                    canvas.DrawPath(path, paint);
                }

                break;
            case Label label:
                DrawText(canvas, label);
                break;
        }
    }

    private static void DrawText(SKCanvas canvas, Label label)
    {
        canvas.Save();
        canvas.Translate((float)label.X, (float)label.Y);
        canvas.RotateDegrees(label.Upwards ? -90 : 0);
        double width = StrokeFont.Width(label.Text, label.Size);
        canvas.Translate((float)(label.Anchor switch { Anchor.Start => 0, Anchor.Middle => -width / 2, _ => -width }), 0);
        foreach ((double X, double Y)[] line in StrokeFont.Strokes(label.Text, label.Size))
        {
            DrawLine(canvas, line, 0x333333, label.Size / 11, null);
        }

        canvas.Restore();
    }

    private static void DrawLine(SKCanvas canvas, IReadOnlyList<(double X, double Y)> points, uint colour, double width, SKPathEffect? effect)
    {
        using var paint = new SKPaint
        {
            Color = Colour(colour),
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = (float)width,
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
            PathEffect = effect,
        };
        using SKPath path = PathOf(points);
        if (points.Count == 1)
        {
            path.LineTo((float)points[0].X, (float)points[0].Y); // a line of no length with round ends is a dot
        }

        canvas.DrawPath(path, paint);
    }

    private static SKPath PathOf(IReadOnlyList<(double X, double Y)> points)
    {
        var path = new SKPath();
        path.MoveTo((float)points[0].X, (float)points[0].Y);
        foreach ((double x, double y) in points.Skip(1))
        {
            path.LineTo((float)x, (float)y);
        }

        return path;
    }

    private static SKColor Colour(uint rgb) => new(0xFF000000 | rgb);
}
