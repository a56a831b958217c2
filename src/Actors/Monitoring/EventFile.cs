using System.Text;

namespace P2PLearn.Actors.Monitoring;

/// <summary>The file that an event log is written to: whole lines only, whatever ended the writer before, and rotated.</summary>
/// <remarks>
/// A file whose writer was cut short is ended with a line feed before anything follows. When the disk refuses, what was written of a line is
/// taken back, and the file is opened anew for the next. Rotation is one rename: a crash leaves the file under the one name or the other.
/// One caller at a time.
/// </remarks>
/// <param name="path">The file; at <paramref name="maxBytes"/> it becomes <see cref="OlderFile"/>, replacing that.</param>
/// <param name="maxBytes">Size at which it is rotated.</param>
/// <param name="open">Opens a file to be read and written, unbuffered, made when missing.</param>
internal sealed class EventFile(string path, long maxBytes, Func<string, Stream> open) : IAsyncDisposable
{
    private Stream? _file;

    /// <summary>Bytes of whole lines in the open file.</summary>
    private long _length;

    /// <summary>The open file's last line lacks its line feed.</summary>
    private bool _isUnended;

    /// <summary>The name of a log's older file.</summary>
    public static string OlderFile(string path) => path + ".1";

    /// <summary>Opens a file of the system.</summary>
    public static Stream OpenFile(string path) => new FileStream(
        path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>Opens the file unless it is open.</summary>
    /// <param name="tornBytes">Length of a last line that was found torn or unreadable just now; else 0.</param>
    /// <returns>False when it cannot be opened.</returns>
    public bool TryOpen(out long tornBytes)
    {
        tornBytes = 0;
        if (_file is not null)
        {
            return true;
        }

        try
        {
            _file = open(path);
            _length = _file.Length;
            (_isUnended, tornBytes) = EventFileTail.Inspect(_file);
            _file.Position = _length;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Close();
            return false;
        }
    }

    /// <summary>Writes lines behind those that are there; the file is open.</summary>
    /// <param name="lines">Without line feeds.</param>
    /// <returns>False when the disk refused: none of them is in the file, and it is closed.</returns>
    public async Task<bool> TryAppendAsync(IReadOnlyList<string> lines)
    {
        Stream file = _file ?? throw new InvalidOperationException("the file is not open");
        byte[] bytes = Encoding.UTF8.GetBytes((_isUnended ? "\n" : "") + string.Join('\n', lines) + "\n");
        try
        {
            await file.WriteAsync(bytes);
        }
        catch (IOException)
        {
            TakeBack(file);
            Close();
            return false;
        }

        _length += bytes.Length;
        _isUnended = false;
        if (_length >= maxBytes)
        {
            Rotate();
        }

        return true;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Close();
        return default;
    }

    private void TakeBack(Stream file)
    {
        try
        {
            file.SetLength(_length);
        }
        catch (IOException)
        {
            // What stays of the line is found and ended when the file is opened again.
        }
    }

    private void Rotate()
    {
        Close();
        try
        {
            File.Move(path, OlderFile(path), overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file goes on growing; the next line tries again.
        }
    }

    private void Close()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // Unbuffered: nothing of ours is lost with it.
        }

        _file = null;
    }
}
