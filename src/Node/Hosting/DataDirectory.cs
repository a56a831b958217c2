using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using P2PLearn.Networking.Files;

namespace P2PLearn.Node.Hosting;

/// <summary>The folder in which a node keeps what must survive it: key, mesh key, token, progress, model and event log.</summary>
/// <remarks>One process at a time: an exclusively opened lock file keeps a second one out, and goes with the process even on kill -9.</remarks>
public sealed class DataDirectory : IDisposable
{
    /// <summary>Largest secret file read, in bytes; keys and tokens have below 200.</summary>
    public const int MaxSecretBytes = 4096;

    /// <summary>Length of the management token: 32 random bytes in hexadecimal.</summary>
    public const int TokenLength = 64;

    /// <summary>Name of the file of the identity key: there is one in every data directory of a node.</summary>
    public const string IdentityName = "identity.key";

    private const string LockName = "lock";
    private const string TokenName = "management.token";
    private const string PortName = "management.port";
    private readonly FileStream _lock;

    private DataDirectory(string root, FileStream fileLock)
    {
        Root = root;
        _lock = fileLock;
    }

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The identity key, a libp2p private key protobuf.</summary>
    public string IdentityFile => Path.Combine(Root, IdentityName);

    /// <summary>The mesh key that this node made when it founded.</summary>
    public string MeshKeyFile => Path.Combine(Root, "mesh.key");

    /// <summary>What local tools show to the management endpoint.</summary>
    public string TokenFile => Path.Combine(Root, TokenName);

    /// <summary>Where the management endpoint listens: the port on 127.0.0.1.</summary>
    public string PortFile => Path.Combine(Root, PortName);

    /// <summary>Progress of the run: enough to go on after kill -9.</summary>
    public string ProgressFile => Path.Combine(Root, "progress.bin");

    /// <summary>The model after the last finished round, as safetensors.</summary>
    public string ModelFile => Path.Combine(Root, "model.safetensors");

    /// <summary>Members met, and where: how a restarted node finds the mesh without a seed.</summary>
    public string PeersFile => Path.Combine(Root, "peers");

    /// <summary>The cluster's members of an earlier life, a peer id a line.</summary>
    public string MembersFile => Path.Combine(Root, "members");

    /// <summary>Blocks of models, with their index: a folder of <see cref="Networking.Blocks.FileBlockStore"/>.</summary>
    public string BlocksFolder => Path.Combine(Root, "blocks");

    /// <summary>What the members replicate: contributions and attestations.</summary>
    public string ReplicatedFile => Path.Combine(Root, "replicated.db");

    /// <summary>Records and providers kept for the distributed hash table, and this node's own announcements.</summary>
    public string DhtFile => Path.Combine(Root, "dht.db");

    /// <summary>The event log, JSON lines.</summary>
    public string EventFile => Path.Combine(Root, "events.jsonl");

    /// <summary>Opens the folder, making it when missing.</summary>
    /// <exception cref="UserErrorException">Another process uses it, or it cannot be written.</exception>
    public static DataDirectory Open(string root) =>
        Open(root, "another node uses this data directory; give each node its own with --data-dir");

    /// <summary>Whether a folder has been a node's, going by what lies in it.</summary>
    public static bool IsOne(string root) => File.Exists(Path.Combine(root, LockName)) || File.Exists(Path.Combine(root, IdentityName));

    /// <summary>Opens the folder, making it when missing.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="whenInUse">What is said when another process uses it.</param>
    /// <exception cref="UserErrorException">Another process uses it, or it cannot be written.</exception>
    public static DataDirectory Open(string root, string whenInUse)
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

            string file = Path.Combine(root, LockName);
            return new DataDirectory(root, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (File.Exists(Path.Combine(root, LockName)))
        {
            throw new UserErrorException($"{root}: {whenInUse}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{root}: cannot use this data directory: {e.Message}");
        }
    }

    /// <summary>The management token, made at the first start.</summary>
    public string GetOrCreateToken()
    {
        if (!File.Exists(TokenFile))
        {
            WriteSecret(TokenFile, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenLength / 2))));
        }

        return Encoding.ASCII.GetString(ReadSecret(TokenFile)).Trim();
    }

    /// <summary>Tells local tools where the management endpoint listens.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public void WriteManagementPort(int port) =>
        DurableFile.Replace(PortFile, Encoding.ASCII.GetBytes(port.ToString(CultureInfo.InvariantCulture)), ownerOnly: false);

    /// <summary>Where the node of a folder serves its management endpoint; null when it never did.</summary>
    public static string? ReadManagementHost(string root)
    {
        string path = Path.Combine(root, PortName);
        return File.Exists(path) && ushort.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out ushort port)
            ? $"127.0.0.1:{port}"
            : null;
    }

    /// <summary>The token of the node of a folder; null when there is none.</summary>
    public static string? ReadToken(string root)
    {
        string path = Path.Combine(root, TokenName);
        return File.Exists(path) ? Encoding.ASCII.GetString(ReadSecret(path)).Trim() : null;
    }

    /// <summary>Writes a file that only its owner may read, whole or not at all.</summary>
    /// <exception cref="IOException">One line that names the file and the cause, such as a full disk.</exception>
    public static void WriteSecret(string path, ReadOnlySpan<byte> bytes) => DurableFile.Replace(path, bytes, ownerOnly: true);

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
