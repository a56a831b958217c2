namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>How a node finds out whether it can be reached, and how much it helps others to.</summary>
public sealed record AutoNatOptions
{
    /// <summary>Whether it asks others.</summary>
    public bool Client { get; init; } = true;

    /// <summary>Whether it answers others by dialling back.</summary>
    public bool Server { get; init; } = true;

    /// <summary>Distinct observers, by IP network, that have to agree before an observed address is believed, default 2.</summary>
    public int Observers { get; init; } = 2;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Observers);
}
