namespace P2PLearn.Actors.Exchange;

/// <summary>What a receiver says of a pushed contribution; one byte on the wire.</summary>
public enum PushVerdict : byte
{
    /// <summary>Not of this run, too old, too far ahead, or here already: do not send the model.</summary>
    NotWanted = 0,

    /// <summary>Send the model.</summary>
    Wanted = 1,

    /// <summary>The model arrived and passed the checks.</summary>
    Accepted = 2,

    /// <summary>The model arrived and failed a check.</summary>
    Refused = 3,
}
