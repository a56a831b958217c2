using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace P2PLearn.Node.Hosting;

/// <summary>The folder in which a node keeps what must survive it: key, mesh key, token, progress, model and event log.</summary>
/// <remarks>One process at a time: an exclusively opened lock file keeps a second one out, and goes with the process even on kill -9.</remarks>
public sealed class DataDirectory : IDisposable
{
    /// <summary>Largest secret file read, in bytes; keys and tokens have below 200.</summary>
    public const int MaxSecretBytes = 4096;

    private const string TokenFile = "management.token";
    private const string PortFile = "management.port";
    private readonly FileStream _lock;

    private DataDirectory(string root, FileStream fileLock)
    {
        Root = root;
        _lock = fileLock;
    }

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The identity key, a libp2p private key protobuf.</summary>
    public string IdentityFile => Path.Combine(Root, "identity.key");

    /// <summary>The mesh key that this node made when it founded.</summary>
    public string MeshKeyFile => Path.Combine(Root, "mesh.key");

    /// <summary>Progress of the run: enough to go on after kill -9.</summary>
    public string ProgressFile => Path.Combine(Root, "progress.bin");

    /// <summary>The model after the last finished round, as safetensors.</summary>
    public string ModelFile => Path.Combine(Root, "model.safetensors");

    /// <summary>Members met, and where: how a restarted node finds the mesh without a seed.</summary>
    public string PeersFile => Path.Combine(Root, "peers");

    /// <summary>The event log, JSON lines.</summary>
    public string EventFile => Path.Combine(Root, "events.jsonl");

    /// <summary>Opens the folder, making it when missing.</summary>
    /// <exception cref="UserErrorException">Another process uses it, or it cannot be written.</exception>
    public static DataDirectory Open(string root)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(root);
            }
            else
            {
                Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            string file = Path.Combine(root, "lock");
            return new DataDirectory(root, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (File.Exists(Path.Combine(root, "lock")))
        {
            throw new UserErrorException($"{root}: another node uses this data directory; give each node its own with --data-dir");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{root}: cannot use this data directory: {e.Message}");
        }
    }

    /// <summary>The management token, made at the first start.</summary>
    public string GetOrCreateToken()
    {
        string path = Path.Combine(Root, TokenFile);
        if (!File.Exists(path))
        {
            WriteSecret(path, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))));
        }

        return Encoding.ASCII.GetString(ReadSecret(path)).Trim();
    }

    /// <summary>Tells local tools where the management endpoint listens.</summary>
    public void WriteManagementPort(int port) =>
        File.WriteAllText(Path.Combine(Root, PortFile), port.ToString(CultureInfo.InvariantCulture));

    /// <summary>Where the node of a folder serves its management endpoint; null when it never did.</summary>
    public static string? ReadManagementHost(string root)
    {
        string path = Path.Combine(root, PortFile);
        return File.Exists(path) && ushort.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out ushort port)
            ? $"127.0.0.1:{port}"
            : null;
    }

    /// <summary>The token of the node of a folder; null when there is none.</summary>
    public static string? ReadToken(string root)
    {
        string path = Path.Combine(root, TokenFile);
        return File.Exists(path) ? Encoding.ASCII.GetString(ReadSecret(path)).Trim() : null;
    }

    /// <summary>Writes a file that only its owner may read, whole or not at all.</summary>
    public static void WriteSecret(string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new FileStream(temporary, options))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads a small secret file.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or is too large to be one.</exception>
    public static byte[] ReadSecret(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxSecretBytes)
            {
                throw new UserErrorException($"{path}: {file.Length} bytes are too many for a key or token");
            }

            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
