namespace P2PLearn.Node.Configuration;

/// <summary>Relays: being one, and using them.</summary>
public sealed record RelaySection
{
    /// <summary>When this node relays for others: <c>when-reachable</c>, <c>on</c> or <c>off</c>.</summary>
    public string Serve { get; init; } = "when-reachable";

    /// <summary>Use relays when this node cannot be reached.</summary>
    public bool Use { get; init; } = true;

    /// <summary>Addresses of relays to use beside the reachable members.</summary>
    public IReadOnlyList<string> Relays { get; init; } = [];

    /// <summary>Relays to hold a slot on at once, 1 to 8.</summary>
    public int Slots { get; init; } = 2;

    /// <summary>Peers that may hold a slot on this node at once.</summary>
    public int MaxReservations { get; init; } = 128;
}
