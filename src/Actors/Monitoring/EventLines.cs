using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace P2PLearn.Actors.Monitoring;

/// <summary>One line of a log file.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Bytes">Its length, without the line feed.</param>
/// <param name="Content">The line; null when it is longer than <see cref="EventLine.MaxBytes"/>.</param>
/// <param name="IsEnded">It ends in a line feed; only the last line of a file may not.</param>
internal readonly record struct LogLine(long Number, long Bytes, byte[]? Content, bool IsEnded);

/// <summary>Cuts a log file into lines. Holds one line at a time, and none that is too long.</summary>
internal static class EventLines
{
    /// <summary>Reads to the end.</summary>
    public static async IAsyncEnumerable<LogLine> ReadAsync(Stream file, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        PipeReader pipe = PipeReader.Create(file, new StreamPipeReaderOptions(bufferSize: 64 << 10, leaveOpen: true));
        long number = 0;
        long passed = 0; // bytes of a line too long that are not in the buffer any more
        for (bool isEnd = false; !isEnd;)
        {
            ReadResult result = await pipe.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> rest = result.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                yield return Line(++number, passed, rest.Slice(0, end), isEnded: true);
                rest = rest.Slice(rest.GetPosition(1, end));
                passed = 0;
            }

            isEnd = result.IsCompleted;
            if (isEnd && passed + rest.Length > 0)
            {
                yield return Line(++number, passed, rest, isEnded: false);
            }

            if (rest.Length > EventLine.MaxBytes)
            {
                passed += rest.Length;
                rest = rest.Slice(rest.End);
            }

            pipe.AdvanceTo(rest.Start, rest.End);
        }

        await pipe.CompleteAsync();
    }

    private static LogLine Line(long number, long passed, ReadOnlySequence<byte> rest, bool isEnded)
    {
        long bytes = passed + rest.Length;
        return new LogLine(number, bytes, bytes > EventLine.MaxBytes ? null : rest.ToArray(), isEnded);
    }
}
