namespace P2PLearn.Learning.Data;

/// <summary>What a folder of images may hold at most.</summary>
public sealed record ImageFolderLimits
{
    /// <summary>Bytes of one file. Default 32 MiB.</summary>
    public long MaxFileBytes { get; init; } = 32L << 20;

    /// <summary>Rows and columns of a picture before it is made smaller. Default 4096 each.</summary>
    public int MaxSide { get; init; } = 4096;

    /// <summary>Pictures in all. Default a million.</summary>
    public int MaxFiles { get; init; } = 1_000_000;

    /// <summary>Bytes of all pictures once read: files × channels × size². Default 1 GiB.</summary>
    public long MaxBytes { get; init; } = 1L << 30;
}
