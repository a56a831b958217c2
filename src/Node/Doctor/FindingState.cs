namespace P2PLearn.Node.Doctor;

/// <summary>How a check ended.</summary>
internal enum FindingState
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Nothing is broken, but somebody should know.</summary>
    Note,

    /// <summary>It was broken, and has been put right.</summary>
    Repaired,

    /// <summary>It is broken.</summary>
    Problem,
}
