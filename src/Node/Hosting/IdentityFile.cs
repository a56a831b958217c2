using P2PLearn.Networking.Identity;

namespace P2PLearn.Node.Hosting;

/// <summary>A node's key file.</summary>
public static class IdentityFile
{
    /// <summary>Reads the key, or makes one when there is none; it is on the disk before it is used.</summary>
    /// <exception cref="UserErrorException">The file is no Ed25519 private key.</exception>
    public static KeyPair LoadOrCreate(string path) => File.Exists(path) ? Load(path) : Create(path);

    /// <summary>Reads a key.</summary>
    /// <exception cref="UserErrorException">The file is missing, or no Ed25519 private key.</exception>
    public static KeyPair Load(string path) =>
        KeyPair.TryFromProtobuf(DataDirectory.ReadSecret(path), out KeyPair? key)
            ? key
            : throw new UserErrorException($"{path}: not an Ed25519 private key in libp2p's form; make one with 'p2plearn keygen'");

    /// <summary>Makes a key that only the owner may read.</summary>
    public static KeyPair Create(string path)
    {
        KeyPair key = KeyPair.Generate();
        byte[] bytes = key.ToProtobuf();
        DataDirectory.WriteSecret(path, bytes);
        Array.Clear(bytes);
        return key;
    }
}
