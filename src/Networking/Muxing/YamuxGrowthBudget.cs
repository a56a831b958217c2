namespace P2PLearn.Networking.Muxing;

/// <summary>How much the receive windows of one session may still grow together.</summary>
/// <remarks>Without it a thousand streams of 16 MiB each would be allowed 16 GiB. Pure.</remarks>
internal sealed class YamuxGrowthBudget
{
    /// <summary>Creates a budget of <paramref name="bytes"/>.</summary>
    public YamuxGrowthBudget(long bytes) => Left = bytes;

    /// <summary>What is left, bytes, never negative.</summary>
    public long Left { get; private set; }

    /// <summary>Takes as much of <paramref name="wanted"/> as is left.</summary>
    public uint Take(uint wanted)
    {
        uint taken = (uint)Math.Min(wanted, Left);
        Left -= taken;
        return taken;
    }

    /// <summary>Gives back what a stream that ended had taken.</summary>
    public void Return(long bytes) => Left += bytes;
}
