namespace P2PLearn.Node.Configuration;

/// <summary>Who may be a member of the mesh.</summary>
public sealed record MeshSection
{
    /// <summary>The mesh's name; both sides must agree on it.</summary>
    public string Name { get; init; } = "p2plearn";

    /// <summary>The pre-shared mesh key (32 bytes as text, from <c>p2plearn keygen --mesh</c>); null = made when founding, and kept in the data directory.</summary>
    public string? Key { get; init; }

    /// <summary>Peer ids that may join; empty = everybody who proves the key.</summary>
    public IReadOnlyList<string> AllowedPeers { get; init; } = [];
}
