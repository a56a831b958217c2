namespace P2PLearn.Crdt.Contributions;

/// <summary>How the model bytes of a contribution encode the model.</summary>
/// <remarks>
/// Any byte is carried and replicated; a node that does not know the codec of a contribution does not use that
/// contribution. So a newer peer's contribution does not make the sets that hold it unreadable.
/// </remarks>
public enum ModelCodec : byte
{
    /// <summary>Every parameter as a little-endian IEEE 754 binary32, in the order of the layout.</summary>
    Float32 = 0,

    /// <summary>Every parameter as a little-endian IEEE 754 binary16, in the order of the layout.</summary>
    Float16 = 1,
}
