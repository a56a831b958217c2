namespace P2PLearn.Node.Configuration;

/// <summary>The management endpoint: HTTP on loopback only.</summary>
public sealed record ManagementSection
{
    /// <summary>Whether it is served.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>TCP port on 127.0.0.1, in [0, 65535]; 0 = any free one. The port in use is written to <c>management.port</c> in the data directory.</summary>
    public int Port { get; init; } = 8558;
}
