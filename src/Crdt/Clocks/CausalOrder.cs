namespace P2PLearn.Crdt.Clocks;

/// <summary>How two version vectors stand to each other.</summary>
public enum CausalOrder
{
    /// <summary>The same events.</summary>
    Equal,

    /// <summary>The other has seen all of these events and more.</summary>
    Before,

    /// <summary>All of the other's events and more.</summary>
    After,

    /// <summary>Each has seen events that the other has not.</summary>
    Concurrent,
}
