using System.Globalization;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;

namespace P2PLearn.NatPeer;

/// <summary>What the command line says of a peer.</summary>
internal sealed record PeerSettings
{
    /// <summary><c>--listen ADDRESS</c>, repeatable.</summary>
    public IReadOnlyList<Multiaddr> Listen { get; private init; } = [];

    /// <summary><c>--ephemeral</c>: dial from any port instead of the listen port.</summary>
    public bool ReusePort { get; private init; } = true;

    /// <summary><c>--no-nat</c> for null: no NAT traversal at all. The other options change single settings of it.</summary>
    public NatOptions? Nat { get; private init; } = new();

    /// <summary><c>--log LEVEL</c>: the swarm's own log, as events.</summary>
    public LogLevel Log { get; private init; } = LogLevel.None;

    /// <summary><c>--blocks FOLDER</c>: a block store, bitswap and fetches; null for none.</summary>
    public string? Blocks { get; private init; }

    /// <summary><c>--lie wrong|mute</c>: what the peer does instead of serving the blocks that it says it has.</summary>
    public BlockLie Lie { get; private init; }

    public static PeerSettings Parse(string[] options)
    {
        var settings = new PeerSettings();
        var left = new Queue<string>(options);
        while (left.TryDequeue(out string? option))
        {
            settings = settings.With(option, () => left.TryDequeue(out string? value) ? value : throw new ArgumentException($"{option} needs a value"));
        }

        return settings;
    }

    private PeerSettings With(string option, Func<string> value) => option switch
    {
        "--listen" => this with { Listen = [.. Listen, Multiaddr.Parse(value())] },
        "--ephemeral" => this with { ReusePort = false },
        "--log" => this with { Log = Enum.Parse<LogLevel>(value(), ignoreCase: true) },
        "--blocks" => this with { Blocks = value() },
        "--lie" => this with { Lie = Enum.Parse<BlockLie>(value(), ignoreCase: true) },
        "--no-nat" => this with { Nat = null },
        _ => this with { Nat = With(Nat ?? throw new ArgumentException($"{option} after --no-nat"), option, value) },
    };

    private static NatOptions With(NatOptions nat, string option, Func<string> value) => option switch
    {
        // a relay to hold a reservation on, repeatable
        "--relay" => nat with { RelayClient = nat.RelayClient with { Relays = [.. nat.RelayClient.Relays, Multiaddr.Parse(value())] } },
        "--reservations" => nat with { RelayClient = nat.RelayClient with { Reservations = Number(value()) } },
        "--no-relay-client" => nat with { RelayClient = nat.RelayClient with { Enabled = false } },
        "--relay-mode" => nat with { RelayMode = Enum.Parse<RelayMode>(value(), ignoreCase: true) },
        "--announce" => nat with { AnnouncedAddresses = [.. nat.AnnouncedAddresses, Multiaddr.Parse(value())] },
        "--observers" => nat with { AutoNat = nat.AutoNat with { Observers = Number(value()) } },
        "--no-autonat" => nat with { AutoNat = nat.AutoNat with { Client = false } },
        "--no-autonat-server" => nat with { AutoNat = nat.AutoNat with { Server = false } },
        "--no-dcutr" => nat with { Dcutr = nat.Dcutr with { Enabled = false } },
        "--attempts" => nat with { Dcutr = nat.Dcutr with { MaxAttempts = Number(value()) } },
        _ => throw new ArgumentException($"unknown option {option}"),
    };

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
