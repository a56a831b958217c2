using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Rounds;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Configuration;

/// <summary>Checks a node's options before anything starts.</summary>
public static class NodeOptionsValidator
{
    /// <summary>What <c>relay.serve</c> may be.</summary>
    public static IReadOnlyDictionary<string, RelayMode> RelayModes { get; } = new Dictionary<string, RelayMode>
    {
        ["when-reachable"] = RelayMode.WhenReachable,
        ["on"] = RelayMode.On,
        ["off"] = RelayMode.Off,
    };

    /// <summary>Checks every value.</summary>
    /// <param name="options">The options.</param>
    /// <param name="models">The models that a run may name.</param>
    /// <exception cref="UserErrorException">The first that cannot be used, in one line.</exception>
    public static void Validate(NodeOptions options, ModelRegistry models)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(models);
        CheckAddresses(options);
        CheckJoin(options);
        CheckMesh(options);
        CheckNat(options);
        Require(options.Management.Port is >= 0 and <= 65535, $"management.port is {options.Management.Port}, but must be 0 to 65535");
        Require(
            Enum.TryParse<LogLevel>(options.LogLevel, ignoreCase: true, out _) && !int.TryParse(options.LogLevel, out _),
            $"log_level '{options.LogLevel}' is not one of trace, debug, information, warning, error, none");
        Require(options.DataDir.Length > 0, "data_dir is empty");
        Require(
            options.Dht.Mode == "off" || DhtSection.Modes.ContainsKey(options.Dht.Mode),
            $"dht.mode '{options.Dht.Mode}' is not one of {string.Join(", ", DhtSection.Modes.Keys)}, off");
        Require(
            options.Dht.Protocol is { Length: > 1 and <= 100 } && options.Dht.Protocol[0] == '/' && options.Dht.Protocol.All(c => c is > ' ' and <= '~'),
            $"dht.protocol '{options.Dht.Protocol}' is no protocol id; it looks like {KadOptions.OwnProtocol.Value}");
        Require(
            options.Blocks.QuotaBytes >= BlocksSection.MinQuotaBytes,
            $"blocks.quota_bytes is {options.Blocks.QuotaBytes}, but must be at least {BlocksSection.MinQuotaBytes}");
        CheckData(options);
        CheckRun(options, models);
        CheckAttack(options);
    }

    private static void CheckAddresses(NodeOptions options)
    {
        Require(options.Listen.Count > 0, "there is no address to listen on; give one with --listen /ip4/0.0.0.0/tcp/4001");
        foreach (string address in options.Listen)
        {
            Require(Multiaddr.TryParse(address, out Multiaddr? parsed, out string? error), $"listen address '{address}': {error}");
            Require(parsed!.TryToTcpEndPoint(out _), $"listen address '{address}': only /ip4/…/tcp/… and /ip6/…/tcp/… can be listened on");
        }

        foreach (string address in options.Seeds)
        {
            Require(Multiaddr.TryParse(address, out Multiaddr? parsed, out string? error), $"seed '{address}': {error}");
            Require(
                parsed!.PeerId is not null,
                $"seed '{address}' does not say who lives there; it must end in /p2p/<peer id>, as the other node printed it");
        }

        Require(
            options.Seeds.Count > 0 || options.Found || options.Mode != NodeModes.Member || options.Join is not null
                || (options.Mesh.Key is not null && options.Discovery.Mdns),
            "this node has neither a mesh to join nor leave to found one; give --seed ADDRESS to join, or --found to found");
    }

    private static void CheckJoin(NodeOptions options)
    {
        if (options.Join is { } join)
        {
            Require(!JoinTicket.IsMeant(join), "join is not a whole ticket: paste all of it, as the other node printed it");
            Require(
                join.Length is >= RunChoice.MinPrefix and <= 64 && join.All(char.IsAsciiHexDigit),
                $"join '{join}' is neither a ticket (p2plearn…) nor the first {RunChoice.MinPrefix} to 64 hex digits of a run's id");
            Require(!options.Found, "a node cannot found a mesh and join a run of another: leave out --found or --join");
            Require(options.Run is null, "the settings of a run that is joined come from the mesh: leave out the run's settings, or --join");
            Require(options.Mode == NodeModes.Member, $"a node in mode '{options.Mode}' joins no run: leave out --join, or the mode");
        }
    }

    private static void CheckMesh(NodeOptions options)
    {
        Require(
            options.Mesh.Name.Length is >= 1 and <= MeshOptions.MaxNameBytes && options.Mesh.Name.All(c => c is > ' ' and <= '~' and not ':'),
            $"mesh.name '{options.Mesh.Name}' must be 1 to {MeshOptions.MaxNameBytes} printable characters without spaces or ':'");
        Require(
            options.Mesh.Key is null || MeshKey.TryParse(options.Mesh.Key, out _),
            "mesh.key is not a mesh key; make one with 'p2plearn keygen --mesh'");
        foreach (string peer in options.Mesh.AllowedPeers)
        {
            Require(PeerId.TryParse(peer, out _), $"mesh.allowed_peers: '{peer}' is not a peer id");
        }
    }

    private static void CheckNat(NodeOptions options)
    {
        Require(
            options.Mode is NodeModes.Member or NodeModes.Relay or NodeModes.Bootstrap,
            $"mode '{options.Mode}' is not one of member, relay, bootstrap");
        Require(
            options.Mode == NodeModes.Member || options.Data is null,
            $"a node in mode '{options.Mode}' does not train: leave out --data, or the mode");
        Require(
            RelayModes.ContainsKey(options.Relay.Serve),
            $"relay.serve '{options.Relay.Serve}' is not one of {string.Join(", ", RelayModes.Keys)}");
        Require(options.Relay.Slots is >= 1 and <= 8, $"relay.slots is {options.Relay.Slots}, but must be 1 to 8");
        Require(
            options.Relay.MaxReservations is >= 1 and <= 4096,
            $"relay.max_reservations is {options.Relay.MaxReservations}, but must be 1 to 4096");
        foreach (string address in options.Nat.Announce)
        {
            Require(Multiaddr.TryParse(address, out Multiaddr? parsed, out string? error), $"nat.announce '{address}': {error}");
            Require(parsed!.TryToTcpEndPoint(out _), $"nat.announce '{address}': give an address like /ip4/203.0.113.7/tcp/4001");
        }

        foreach (string address in options.Relay.Relays)
        {
            Require(Multiaddr.TryParse(address, out Multiaddr? parsed, out string? error), $"relay.relays '{address}': {error}");
            Require(parsed!.PeerId is not null, $"relay.relays '{address}' does not say who lives there; it must end in /p2p/<peer id>");
        }
    }

    private static void CheckData(NodeOptions options)
    {
        if (options.Data is not { } data)
        {
            Require(options.Attack is null, "attack needs data: an attacker is a trainer");
            return;
        }

        Require(data.Shares >= 1, $"data.shares is {data.Shares}, but must be at least 1");
        Require(data.Share >= 0 && data.Share < data.Shares, $"data.share is {data.Share}, but must be 0 to {data.Shares - 1} (shares are counted from 0)");
        Try(() => Partitioners.Parse(data.Partition), "data.partition");
    }

    private static void CheckRun(NodeOptions options, ModelRegistry models)
    {
        if (options.Run is { } run)
        {
            Require(run.FindError() is null, run.FindError() ?? "");
            Require(
                models.Contains(run.Model),
                $"run.model '{run.Model}' is not known; use {string.Join(", ", models.Names)}, or load a --plugin that has it");
        }
    }

    private static void CheckAttack(NodeOptions options)
    {
        if (options.Attack is { } attack)
        {
            Try(() => AttackRegistry.Create(attack.Name), "attack.name");
            Require(
                AttackRegistry.MeshNames.Contains(attack.Name),
                $"attack.name '{attack.Name}' is for simulations only: use {string.Join(", ", AttackRegistry.MeshNames)}");
            foreach (string peer in attack.Colluders)
            {
                Require(PeerId.TryParse(peer, out _), $"attack.colluders: '{peer}' is not a peer id");
            }
        }
    }

    private static void Try(Func<object> make, string key)
    {
        try
        {
            make();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException($"{key}: {e.Message}");
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new UserErrorException(message);
        }
    }
}
