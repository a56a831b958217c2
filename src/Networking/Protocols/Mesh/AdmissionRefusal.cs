namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Why a peer and this node do not belong together. The numbers up to <see cref="Malformed"/> are on the wire.</summary>
public enum AdmissionRefusal
{
    /// <summary>None: admitted, or not yet decided.</summary>
    None = 0,

    /// <summary>The two meshes have different names.</summary>
    WrongMesh = 1,

    /// <summary>The two programs speak different versions.</summary>
    WrongVersion = 2,

    /// <summary>One side did not prove that it has the other's mesh key.</summary>
    WrongKey = 3,

    /// <summary>One side is not on the other's allow list.</summary>
    NotOnAllowList = 4,

    /// <summary>A message that the protocol does not allow.</summary>
    Malformed = 5,

    /// <summary>The proof was not over at its deadline. Never sent; the next attempt may be at once.</summary>
    Timeout = 6,
}
