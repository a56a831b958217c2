namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>How far a lifetime on the wire is believed.</summary>
internal static class LeaseTime
{
    /// <summary>A grant of so many seconds as an answer: too short is a refusal, too long is cut.</summary>
    public static MapAnswer Grant(
        System.Net.IPAddress address, int port, uint seconds, PortMapperOptions options) =>
        seconds < options.MinLifetime.TotalSeconds
            ? new MapAnswer.Refused($"granted for {seconds} s only")
            : new MapAnswer.Granted(
                address, port, TimeSpan.FromSeconds(Math.Min(seconds, options.MaxLifetime.TotalSeconds)), IsPermanent: false);

    /// <summary>A time as whole seconds of an unsigned 32-bit field.</summary>
    public static uint ToSeconds(TimeSpan time) => (uint)Math.Clamp(Math.Ceiling(time.TotalSeconds), 1, uint.MaxValue);
}
