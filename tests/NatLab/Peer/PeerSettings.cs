using P2PLearn.Networking.Multiformats;

namespace P2PLearn.NatPeer;

/// <summary>What the command line says of a peer.</summary>
internal sealed record PeerSettings
{
    /// <summary><c>--listen ADDRESS</c>, repeatable.</summary>
    public IReadOnlyList<Multiaddr> Listen { get; private init; } = [];

    /// <summary><c>--ephemeral</c>: dial from any port instead of the listen port.</summary>
    public bool ReusePort { get; private init; } = true;

    public static PeerSettings Parse(string[] options)
    {
        var settings = new PeerSettings();
        for (int i = 0; i < options.Length; i++)
        {
            string Value() => ++i < options.Length ? options[i] : throw new ArgumentException($"{options[^1]} needs a value");
            settings = options[i] switch
            {
                "--listen" => settings with { Listen = [.. settings.Listen, Multiaddr.Parse(Value())] },
                "--ephemeral" => settings with { ReusePort = false },
                _ => throw new ArgumentException($"unknown option {options[i]}"),
            };
        }

        return settings;
    }
}
