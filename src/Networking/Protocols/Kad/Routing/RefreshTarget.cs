namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>Random keys to look up, so that a bucket gets filled.</summary>
internal static class RefreshTarget
{
    /// <summary>The deepest bucket that a key is searched for: 2¹⁶ tries on average. Deeper ones are filled by looking oneself
    /// up.</summary>
    public const int DeepestBucket = 15;

    /// <summary>A key, in the form of a peer id, whose place falls into a bucket.</summary>
    /// <param name="self">This node's place.</param>
    /// <param name="bucket">In [0, <see cref="DeepestBucket"/>].</param>
    /// <param name="fill">Fills bytes at random.</param>
    public static byte[] Find(KadKey self, int bucket, Action<Span<byte>> fill)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bucket, (uint)DeepestBucket);
        byte[] key = new byte[34];
        (key[0], key[1]) = (0x12, 32);
        do
        {
            fill(key.AsSpan(2));
        }
        while (KadKey.Of(key).CommonPrefixLength(self) != bucket);
        return key;
    }
}
