namespace P2PLearn.Learning.Data;

/// <summary>What a CSV file may hold at most.</summary>
public sealed record CsvLimits
{
    /// <summary>Bytes of the file. Default 512 MiB.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>Columns. Default 4096.</summary>
    public int MaxColumns { get; init; } = 4096;

    /// <summary>Characters of a field. Default 1024.</summary>
    public int MaxFieldLength { get; init; } = 1024;

    /// <summary>Numbers in all, rows times features. Default 2²⁷, half a gigabyte of floats.</summary>
    public int MaxValues { get; init; } = 1 << 27;
}
