namespace P2PLearn.Networking.Multiformats;

/// <summary>Codes of the multicodec table that this program reads or writes.</summary>
/// <remarks>Source: multiformats multicodec, table.csv.</remarks>
public static class Multicodec
{
    /// <summary>The digest is the content itself.</summary>
    public const ulong Identity = 0x00;

    /// <summary>SHA-1; carried, never computed or trusted.</summary>
    public const ulong Sha1 = 0x11;

    /// <summary>SHA-256.</summary>
    public const ulong Sha2With256Bits = 0x12;

    /// <summary>SHA-512.</summary>
    public const ulong Sha2With512Bits = 0x13;

    /// <summary>SHA3-256.</summary>
    public const ulong Sha3With256Bits = 0x16;

    /// <summary>BLAKE3.</summary>
    public const ulong Blake3 = 0x1e;

    /// <summary>BLAKE2b with 256 bits.</summary>
    public const ulong Blake2bWith256Bits = 0xb220;

    /// <summary>Raw bytes.</summary>
    public const ulong Raw = 0x55;

    /// <summary>A Merkle-DAG node in protobuf.</summary>
    public const ulong DagPb = 0x70;

    /// <summary>A Merkle-DAG node in CBOR.</summary>
    public const ulong DagCbor = 0x71;

    /// <summary>A libp2p public key: the codec of a peer id's CID.</summary>
    public const ulong Libp2pKey = 0x72;

    /// <summary>JSON.</summary>
    public const ulong Json = 0x0200;

    /// <summary>A content-addressed archive.</summary>
    public const ulong Car = 0x0202;
}
