namespace P2PLearn.Networking.Transports;

/// <summary>Which local port a dial leaves from.</summary>
public enum DialOrigin
{
    /// <summary>The listen port when it is to be had, else any.</summary>
    Preferred,

    /// <summary>The listen port or none: a hole is punched from there only.</summary>
    ListenPortOnly,

    /// <summary>Any port but the listen port: AutoNAT's dial-backs must not use a mapping that is there already.</summary>
    Ephemeral,
}
