namespace P2PLearn.Networking.Blocks;

/// <summary>How far a fetch is.</summary>
/// <param name="BlocksDone">Blocks in the store, those that were there before included.</param>
/// <param name="BlockCount">Blocks in all.</param>
/// <param name="BytesDone">Bytes of the blocks in the store.</param>
/// <param name="TotalBytes">Bytes in all.</param>
/// <param name="ProviderCount">Providers in use.</param>
/// <param name="BytesPerSecond">What they bring together, smoothed.</param>
public sealed record FetchProgress(
    int BlocksDone, int BlockCount, long BytesDone, long TotalBytes, int ProviderCount, double BytesPerSecond);

/// <summary>A fetch could not be finished. What came is in the store, and a new fetch goes on from there.</summary>
public sealed class BlockFetchException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, for a person.</param>
    /// <param name="inner">The cause, if another failure was.</param>
    public BlockFetchException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
