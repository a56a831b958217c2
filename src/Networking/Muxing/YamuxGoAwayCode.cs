namespace P2PLearn.Networking.Muxing;

/// <summary>Why one side of a session goes away (yamux, Go Away).</summary>
internal enum YamuxGoAwayCode : uint
{
    /// <summary>It is done.</summary>
    Normal = 0,

    /// <summary>The other side broke a rule.</summary>
    ProtocolError = 1,

    /// <summary>It failed by itself.</summary>
    InternalError = 2,
}
