using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

/// <summary>Over an interface as the system finds it, IPv6 included: in a network namespace of its own, which this program enters by
/// starting itself once more.</summary>
public sealed class MdnsInterfaceTests
{
    private const string Inside = "P2PLEARN_MDNS_NAMESPACE";

    [Fact]
    public async Task Nodes_find_each_other_by_each_family_and_on_an_interface_that_comes_later()
    {
        if (Environment.GetEnvironmentVariable(Inside) is null)
        {
            await EnterAsync();
            return;
        }

        await FindAsync(l => l with { HasIPv6 = false });
        await FindAsync(l => l with { HasIPv4 = false });
        await ComeLaterAsync();
    }

    private static async Task FindAsync(Func<MdnsLink, MdnsLink> narrow)
    {
        await using var a = new Node(1, narrow);
        await using var b = new Node(2, narrow);
        Assert.Equal((TestPeers.Id(2), "/ip4/192.0.2.1/tcp/2"), await a.NextAsync());
        Assert.Equal((TestPeers.Id(1), "/ip4/192.0.2.1/tcp/1"), await b.NextAsync());
    }

    /// <summary>The next look would be in an hour: only the system's word of the change can bring this about.</summary>
    private static async Task ComeLaterAsync()
    {
        await using var a = new Node(1, l => l);
        await using var b = new Node(2, l => l);
        await a.NextAsync();
        await b.NextAsync();
        (int code, string output) = await RunAsync("sh", "-c", AddInterface("late0", "198.51.100.1", "fd00:1::1"));
        Assert.True(code == 0, output);
        Assert.Equal(TestPeers.Id(2), (await a.NextAsync()).Peer);
    }

    private static async Task EnterAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "network namespaces are Linux's");
        (int code, string output) = await RunAsync("unshare", "-rn", "sh", "-c", AddInterface("probe0", "192.0.2.1", "fd00::1"));
        Assert.SkipUnless(code == 0, $"no network namespace with an interface of its own: {output}");
        string program = Environment.ProcessPath!;
        string self = Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? $"'{program}' '{typeof(MdnsInterfaceTests).Assembly.Location}'"
            : $"'{program}'";
        string script = AddInterface("eth0", "192.0.2.1", "fd00::1")
            + $" && {Inside}=1 exec {self} --filter-class {typeof(MdnsInterfaceTests).FullName} --minimum-expected-tests 1";
        (code, output) = await RunAsync("unshare", "-rn", "sh", "-c", script);
        Assert.True(code == 0, output);
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        try
        {
            var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(info)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().LimitAsync($"{program} to end");
            return (process.ExitCode, await output + await error);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, e.Message);
        }
    }

    /// <summary>A cable whose other end has no address, and so is no link for discovery.</summary>
    private static string AddInterface(string name, string ip4, string ip6) =>
        $"ip link add {name} type veth peer name {name}x && ip link set {name}x addrgenmode none up && ip link set {name} up"
        + $" && ip addr add {ip4}/24 dev {name} && ip addr add {ip6}/64 dev {name} nodad";

    private sealed class Node : IAsyncDisposable
    {
        private readonly MdnsDiscovery _discovery;
        private readonly Channel<(PeerId Peer, string Addresses)> _found = Channel.CreateBounded<(PeerId, string)>(64);

        public Node(int number, Func<MdnsLink, MdnsLink> narrow)
        {
            var options = new MdnsOptions { QueryInterval = TimeSpan.FromHours(1) };
            Multiaddr[] addresses = [Multiaddr.Parse($"/ip4/192.0.2.1/tcp/{number}")];
            _discovery = new MdnsDiscovery(
                options,
                TestPeers.Id(number),
                () => addresses,
                () => MdnsLinks.Find(options) is { } links ? [.. links.Select(narrow)] : null,
                TimeProvider.System,
                NullLoggerFactory.Instance);
            _discovery.PeerFound += (peer, found) => _found.Writer.TryWrite((peer, string.Join(' ', found)));
            _discovery.Start();
        }

        public Task<(PeerId Peer, string Addresses)> NextAsync() => _found.Reader.ReadAsync().LimitAsync("a peer to be found");

        public ValueTask DisposeAsync() => _discovery.DisposeAsync();
    }
}
