using System.Diagnostics;
using System.Globalization;

namespace P2PLearn.NatLab.Tests;

/// <summary>One laboratory of <c>tests/NatLab/natlab.sh</c>: up when made, down when disposed, with every process that
/// was started in it.</summary>
public sealed class Laboratory : IAsyncDisposable
{
    private static readonly string Script = FindScript();
    private static readonly string PeerProgram = FindPeerProgram();
    private static readonly Lazy<Task<string>> Missing = new(LookForMissingAsync);
    private static readonly Lazy<Task<string>> MissingForLines = new(() => NeedAsync("need", "line"));
    private static int _count;

    private readonly Dictionary<string, LabHost> _hosts;
    private readonly List<HostProcess> _processes = [];
    private readonly string _name;

    private Laboratory(string name, Dictionary<string, LabHost> hosts)
    {
        _name = name;
        _hosts = hosts;
    }

    public LabHost this[string host] => _hosts[host];

    public IEnumerable<LabHost> Hosts => _hosts.Values;

    /// <summary>Brings a laboratory up, or skips the test with what the machine lacks.</summary>
    /// <param name="arguments">As for <c>natlab.sh up</c>: options and <c>SITE=TYPE</c>.</param>
    public static async Task<Laboratory> UpAsync(params string[] arguments)
    {
        string missing = await Missing.Value;
        if (missing.Length == 0 && arguments.Contains("--line"))
        {
            missing = await MissingForLines.Value;
        }

        Assert.SkipUnless(missing.Length == 0, $"no NAT laboratory on this machine; missing: {missing}");
        string name = string.Create(
            CultureInfo.InvariantCulture, $"t{Environment.ProcessId}x{Interlocked.Increment(ref _count)}");
        await RunScriptAsync(name, ["up", .. arguments]);
        string hosts = await RunScriptAsync(name, ["hosts"]);
        return new Laboratory(name, hosts.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(LabHost.Parse).ToDictionary(h => h.Name));
    }

    /// <summary>Runs a command of the script, for example <c>shape --delay 25</c>, and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public Task<string> RunAsync(params string[] arguments) => RunScriptAsync(_name, arguments);

    /// <summary>Starts a peer in a host and awaits its first event.</summary>
    public async Task<HostProcess> StartPeerAsync(string host, params string[] options)
    {
        HostProcess peer = Start(host, ["swarm", .. options]);
        peer.Started = await peer.EventAsync("listening");
        return peer;
    }

    /// <summary>Starts bare sockets in a host.</summary>
    public async Task<HostProcess> StartProbeAsync(string host)
    {
        HostProcess probe = Start(host, ["probe"]);
        probe.Started = await probe.EventAsync("ready");
        return probe;
    }

    /// <summary>Starts to ask the router for a port from a host.</summary>
    /// <param name="host">Behind a router.</param>
    /// <param name="protocol">pcp, natpmp, upnp or all.</param>
    /// <param name="port">The host's TCP port.</param>
    /// <param name="lifetime">Seconds asked for.</param>
    public async Task<HostProcess> StartPortMapAsync(string host, string protocol, int port, int lifetime)
    {
        HostProcess mapper = Start(host, string.Create(CultureInfo.InvariantCulture, $"portmap {protocol} {port} {lifetime}").Split(' '));
        mapper.Started = await mapper.EventAsync("ready");
        return mapper;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(p => p.DisposeAsync().AsTask()));
        await RunAsync("down");
    }

    /// <summary>Whether a network namespace of this laboratory is there.</summary>
    public bool HasNamespaces => Directory.Exists("/run/netns") && Directory.EnumerateFiles("/run/netns", _name + "-*").Any();

    private HostProcess Start(string host, string[] arguments) =>
        StartProgram(host, [PeerProgram, .. arguments]);

    /// <summary>Starts any program that prints JSON lines in a host.</summary>
    public HostProcess StartProgram(string host, params string[] command)
    {
        var process = new HostProcess(host, ["ip", "netns", "exec", _hosts[host].Namespace, .. command]);
        _processes.Add(process);
        return process;
    }

    private static async Task<string> LookForMissingAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "Linux";
        }

        string missing = await NeedAsync("need");
        if (missing.Length == 0)
        {
            await RunScriptAsync("probe", ["prune"]); // what killed test runs left behind
        }

        return missing;
    }

    private static async Task<string> NeedAsync(params string[] command) =>
        (await RunScriptAsync("probe" + Environment.ProcessId, command)).Trim().Replace("\n", ", ", StringComparison.Ordinal);

    private static async Task<string> RunScriptAsync(string name, string[] arguments)
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Script);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["NATLAB_NAME"] = name;
        start.Environment["NATLAB_OWNER"] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"natlab.sh {string.Join(' ', arguments)}: {await output}{await error}");
    }

    /// <summary>The peer where it was built: beside this program lie libraries of frameworks that it does not have.</summary>
    private static string FindPeerProgram()
    {
        var framework = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Path.Combine(
            Path.GetDirectoryName(Script)!, "Peer", "bin", framework.Parent!.Name, framework.Name, "P2PLearn.NatPeer");
    }

    private static string FindScript()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string script = Path.Combine(at.FullName, "tests", "NatLab", "natlab.sh");
            if (File.Exists(script))
            {
                return script;
            }
        }

        throw new FileNotFoundException("tests/NatLab/natlab.sh is above none of the folders of this program");
    }
}
