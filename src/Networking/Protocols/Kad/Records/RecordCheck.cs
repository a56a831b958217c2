namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>What a validator found of a value.</summary>
public enum RecordCheck
{
    /// <summary>It holds.</summary>
    Valid,

    /// <summary>Nobody here knows the namespace of its key.</summary>
    UnknownNamespace,

    /// <summary>The key or the value is not in the form of the namespace.</summary>
    Malformed,

    /// <summary>Longer than a value may be.</summary>
    TooLarge,

    /// <summary>Made for another key, or by somebody whom the key does not allow.</summary>
    WrongKey,

    /// <summary>Its signature does not hold.</summary>
    BadSignature,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>It claims to be made in the future, or to hold longer than anything may.</summary>
    FutureDated,
}
