using System.CommandLine;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Plugins;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn node</c>: the daemon.</summary>
internal static class NodeCommand
{
    private static readonly Option<string?> Config = new("--config") { Description = "Configuration file (see configs/README.md); flags win over it" };

    private static readonly Option<string[]> Listen = new("--listen")
    {
        Description = "Address to listen on, e.g. /ip4/0.0.0.0/tcp/4001; may be given several times",
    };

    private static readonly Option<string[]> Seed = new("--seed")
    {
        Description = "Address of a member to join through, ending in /p2p/<peer id>; may be given several times",
    };

    private static readonly Option<string?> Join = new("--join")
    {
        Description = "What to join: the ticket that another node printed, or the first digits of the id of a run that is under way",
    };

    private static readonly Option<bool> Found = new("--found") { Description = "Found a new mesh" };

    private static readonly Option<string?> DataDir = new("--data-dir") { Description = "Folder of key, progress and model [default: p2plearn-data]" };

    private static readonly Option<string?> Data = new("--data")
    {
        Description = "What to train on: " + LearningOptionTexts.Data + "; without it the node is a plain member",
    };

    private static readonly Option<string?> Share = new("--share") { Description = "Which share of the data is this node's, e.g. 0/3 [default: all]" };

    private static readonly Option<string?> Partition = new("--partition") { Description = "How the data is dealt out: " + LearningOptionTexts.Partitions };

    private static readonly Option<string?> Mesh = new("--mesh") { Description = "The mesh as NAME:KEY (KEY from 'p2plearn keygen --mesh')" };

    private static readonly Option<int?> ManagementPort = new("--management-port")
    {
        Description = "Port of the management endpoint on 127.0.0.1, 0 = any [default: 8558]",
    };

    private static readonly Option<string?> Model = new("--model") { Description = "The model of a run that this node founds: " + LearningOptionTexts.Models };

    private static readonly Option<string[]> Plugin = PluginOption.Create();

    private static readonly Option<string?> Aggregator = new("--aggregator") { Description = "Its mixing rule: centred-clipping, nna, trimmed-mean, mean or another" };

    private static readonly Option<int?> Faulty = new("--faulty") { Description = "f, how many members may be malicious" };

    private static readonly Option<string?> Topology = new("--topology") { Description = "Whom each node mixes: " + LearningOptionTexts.Topologies };

    private static readonly Option<int?> Guard = new("--guard") { Description = LearningOptionTexts.Guard };

    private static readonly Option<int?> MinPeers = new("--min-peers") { Description = "Trainers that must be up before the first round" };

    private static readonly Option<int?> Gradients = new("--gradients") { Description = "Gradients each node computes in the whole run" };

    private static readonly Option<int?> LocalSteps = new("--local-steps") { Description = "Local steps before a mixing" };

    private static readonly Option<int?> MixingRounds = new("--mixing-rounds") { Description = LearningOptionTexts.MixingRounds };

    private static readonly Option<string?> Precision = new("--exchange-precision") { Description = LearningOptionTexts.ExchangePrecision };

    private static readonly Option<bool> RelayOnly = new("--relay-only")
    {
        Description = "Only relay, and tell members of each other: no member of the cluster, no training",
    };

    private static readonly Option<bool> BootstrapOnly = new("--bootstrap-only")
    {
        Description = "Only tell members of each other: an address to join through",
    };

    private static readonly Option<string[]> Relay = new("--relay")
    {
        Description = "Address of a relay to use, ending in /p2p/<peer id>; reachable members are used anyway",
    };

    private static readonly Option<string[]> Announce = new("--announce")
    {
        Description = "Address under which this node is reached from everywhere, e.g. of a port forwarded by hand",
    };

    private static readonly Option<bool> NoPortMapping = new("--no-port-mapping") { Description = "Do not ask the router for a port" };

    private static readonly Option<bool> NoMdns = new("--no-mdns") { Description = "Do not look for members on the local network" };

    private static readonly Option<string?> LogLevel = new("--log-level") { Description = "Least severe log message shown [default: warning]" };

    private static readonly Option<bool> Json = new("--json") { Description = "Print events as JSON lines" };

    public static Command Create()
    {
        var command = new Command("node", "Run a node daemon: a member of a mesh that trains when it has data.")
        {
            Config, Listen, Seed, Join, Found, DataDir, Data, Share, Partition, Mesh, ManagementPort,
            Model, Plugin, Aggregator, Faulty, Topology, Guard, MinPeers, Gradients, LocalSteps, MixingRounds, Precision, RelayOnly, BootstrapOnly, Relay, Announce, NoPortMapping, NoMdns,
            LogLevel, Json,
        };
        command.SetAction((parsed, ct) =>
        {
            (NodeOptions options, LearningCatalog catalog) = Read(parsed);
            return NodeDaemon.RunAsync(options, catalog, parsed.GetValue(Json), ct);
        });
        return command;
    }

    private static (NodeOptions Options, LearningCatalog Catalog) Read(ParseResult parsed)
    {
        NodeOptions options = parsed.GetValue(Config) is { } file ? ConfigFile.Read(file) : new NodeOptions();
        options = options with
        {
            DataDir = parsed.GetValue(DataDir) ?? options.DataDir,
            Listen = parsed.GetValue(Listen) is { Length: > 0 } listen ? listen : options.Listen,
            Seeds = parsed.GetValue(Seed) is { Length: > 0 } seeds ? seeds : options.Seeds,
            Join = parsed.GetValue(Join) ?? options.Join,
            Found = parsed.GetValue(Found) || options.Found,
            LogLevel = parsed.GetValue(LogLevel) ?? options.LogLevel,
            Management = parsed.GetValue(ManagementPort) is { } port ? options.Management with { Port = port } : options.Management,
            Mesh = parsed.GetValue(Mesh) is { } mesh ? ReadMesh(mesh, options.Mesh) : options.Mesh,
            Mode = ReadMode(parsed, options.Mode),
            Nat = options.Nat with
            {
                Announce = parsed.GetValue(Announce) is { Length: > 0 } announce ? announce : options.Nat.Announce,
                PortMapping = options.Nat.PortMapping && !parsed.GetValue(NoPortMapping),
            },
            Relay = parsed.GetValue(Relay) is { Length: > 0 } relays ? options.Relay with { Relays = relays } : options.Relay,
            Discovery = parsed.GetValue(NoMdns) ? options.Discovery with { Mdns = false } : options.Discovery,
            Data = ReadData(parsed, options.Data),
            Plugins = parsed.GetValue(Plugin) is { Length: > 0 } plugins ? plugins : options.Plugins,
            Run = ReadRun(parsed, options.Run),
        };
        options = UseTicket(options);
        LearningCatalog catalog = PluginOption.Load(options.Plugins);
        NodeOptionsValidator.Validate(options, catalog.Models);
        return (options, catalog);
    }

    /// <summary>What a ticket says, where nothing else was said.</summary>
    private static NodeOptions UseTicket(NodeOptions options) =>
        options.Join is { } join && JoinTicket.TryParse(join, out JoinTicket? ticket)
            ? options with
            {
                Join = ticket.Run?.ToString(),
                Seeds = options.Seeds.Count > 0 ? options.Seeds : [.. ticket.Seeds.Select(s => s.ToString())],
                Mesh = options.Mesh.Key is null ? options.Mesh with { Name = ticket.Mesh, Key = ticket.Key } : options.Mesh,
            }
            : options;

    private static string ReadMode(ParseResult parsed, string mode)
    {
        bool relay = parsed.GetValue(RelayOnly);
        bool bootstrap = parsed.GetValue(BootstrapOnly);
        return relay && bootstrap
            ? throw new UserErrorException("--relay-only and --bootstrap-only exclude each other; a relay tells members of each other too")
            : relay ? NodeModes.Relay : bootstrap ? NodeModes.Bootstrap : mode;
    }

    private static MeshSection ReadMesh(string text, MeshSection mesh)
    {
        int colon = text.LastIndexOf(':');
        return colon > 0
            ? mesh with { Name = text[..colon], Key = text[(colon + 1)..] }
            : throw new UserErrorException($"--mesh '{text}' is not NAME:KEY");
    }

    private static DataSection? ReadData(ParseResult parsed, DataSection? data)
    {
        string? source = parsed.GetValue(Data);
        string? share = parsed.GetValue(Share);
        string? partition = parsed.GetValue(Partition);
        if (source is null && data is null)
        {
            return share is null && partition is null
                ? null
                : throw new UserErrorException("--share and --partition need --data");
        }

        data ??= new DataSection();
        data = data with { Source = source ?? data.Source, Partition = partition ?? data.Partition };
        return share is null ? data : WithShare(data, share);
    }

    private static DataSection WithShare(DataSection data, string share)
    {
        string[] parts = share.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], out int index) && int.TryParse(parts[1], out int count)
            ? data with { Share = index, Shares = count }
            : throw new UserErrorException($"--share '{share}' is not of the form 0/3");
    }

    private static RunSettings? ReadRun(ParseResult parsed, RunSettings? run)
    {
        bool any = parsed.GetValue(Model) is not null || parsed.GetValue(Aggregator) is not null || parsed.GetValue(Faulty) is not null
            || parsed.GetValue(Topology) is not null || parsed.GetValue(Guard) is not null
            || parsed.GetValue(MinPeers) is not null || parsed.GetValue(Gradients) is not null || parsed.GetValue(LocalSteps) is not null
            || parsed.GetValue(MixingRounds) is not null || parsed.GetValue(Precision) is not null;
        if (!any)
        {
            return run;
        }

        run ??= new RunSettings();
        return run with
        {
            Model = parsed.GetValue(Model) ?? run.Model,
            Aggregator = parsed.GetValue(Aggregator) ?? run.Aggregator,
            Faulty = parsed.GetValue(Faulty) ?? run.Faulty,
            Topology = parsed.GetValue(Topology) ?? run.Topology,
            Guard = parsed.GetValue(Guard) ?? run.Guard,
            MinPeers = parsed.GetValue(MinPeers) ?? run.MinPeers,
            Gradients = parsed.GetValue(Gradients) ?? run.Gradients,
            LocalSteps = parsed.GetValue(LocalSteps) ?? run.LocalSteps,
            MixingRounds = parsed.GetValue(MixingRounds) ?? run.MixingRounds,
            ExchangePrecision = parsed.GetValue(Precision) ?? run.ExchangePrecision,
        };
    }
}
