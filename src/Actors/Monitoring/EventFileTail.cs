namespace P2PLearn.Actors.Monitoring;

/// <summary>Looks at how a log file ends.</summary>
internal static class EventFileTail
{
    private const int StepBytes = 4096;

    /// <summary>Looks at the last line.</summary>
    /// <param name="file">Read from behind; its position is moved.</param>
    /// <returns>Whether its line feed is missing, and its length when it is no event; 0 when it is one.</returns>
    public static (bool IsUnended, long TornBytes) Inspect(Stream file)
    {
        long end = file.Length;
        if (end == 0)
        {
            return (false, 0);
        }

        Span<byte> last = stackalloc byte[1];
        file.Position = end - 1;
        file.ReadExactly(last);
        bool isUnended = last[0] != '\n';
        end -= isUnended ? 0 : 1;
        long bytes = end - FindStart(file, end);
        return (isUnended, bytes <= EventLine.MaxBytes && IsEvent(file, end - bytes, (int)bytes) ? 0 : bytes);
    }

    /// <summary>The offset behind the last line feed before <paramref name="end"/>.</summary>
    private static long FindStart(Stream file, long end)
    {
        byte[] buffer = new byte[StepBytes];
        while (end > 0)
        {
            long from = Math.Max(0, end - StepBytes);
            Span<byte> part = buffer.AsSpan(0, (int)(end - from));
            file.Position = from;
            file.ReadExactly(part);
            if (part.LastIndexOf((byte)'\n') is >= 0 and var at)
            {
                return from + at + 1;
            }

            end = from;
        }

        return 0;
    }

    private static bool IsEvent(Stream file, long from, int bytes)
    {
        byte[] line = new byte[bytes];
        file.Position = from;
        file.ReadExactly(line);
        return EventLine.FindFault(line, out _) is null;
    }
}
