using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Management;

public sealed class ManagementServerTests
{
    private const string Self = "akka.p2p://P2PLearn@k51self:4001";
    private const string Other = "akka.p2p://P2PLearn@k51other:4001";

    [Fact]
    public async Task Members_have_Akka_Managements_form()
    {
        await using var server = await StartAsync(new FixedNode());
        using var client = new ManagementClient($"127.0.0.1:{server.Port}", null);
        JsonElement json = await client.GetAsync("cluster/members", TestContext.Current.CancellationToken);
        Assert.Equal(Self, json.GetProperty("selfNode").GetString());
        JsonElement member = json.GetProperty("members")[1];
        Assert.Equal(Other, member.GetProperty("node").GetString());
        Assert.Equal(JsonValueKind.String, member.GetProperty("nodeUid").ValueKind);
        Assert.Equal("Up", member.GetProperty("status").GetString());
        Assert.Equal(Self, json.GetProperty("unreachable")[0].GetProperty("observedBy")[0].GetString());
        Assert.Equal(Self, json.GetProperty("oldestPerRole").GetProperty("trainer").GetString());
    }

    [Fact]
    public async Task The_way_to_others_is_shown()
    {
        await using var server = await StartAsync(new FixedNode());
        using var client = new ManagementClient($"127.0.0.1:{server.Port}", null);
        JsonElement json = await client.GetAsync("nat", TestContext.Current.CancellationToken);
        Assert.Equal("relayed", json.GetProperty("state").GetString());
        Assert.Equal("no router answered", json.GetProperty("portMapping").GetProperty("problem").GetString());
    }

    [Fact]
    public async Task Changes_need_the_token()
    {
        var node = new FixedNode();
        await using var server = await StartAsync(node);
        using var reader = new ManagementClient($"127.0.0.1:{server.Port}", null);
        using var wrong = new ManagementClient($"127.0.0.1:{server.Port}", "guess");
        foreach (ManagementClient client in (ManagementClient[])[reader, wrong])
        {
            var error = await Assert.ThrowsAsync<UserErrorException>(() => client.DownAsync(Other, TestContext.Current.CancellationToken));
            Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(node.Actions);
        using var owner = new ManagementClient($"127.0.0.1:{server.Port}", "secret");
        Assert.Equal($"Downing {Other}", await owner.DownAsync("k51other", TestContext.Current.CancellationToken));
        Assert.Equal($"Leaving {Other}", await owner.LeaveAsync("k51other", TestContext.Current.CancellationToken));
        Assert.Equal(["down k51other", "leave k51other"], node.Actions);
    }

    [Fact]
    public async Task An_unknown_member_is_not_found()
    {
        await using var server = await StartAsync(new FixedNode());
        using var owner = new ManagementClient($"127.0.0.1:{server.Port}", "secret");
        var error = await Assert.ThrowsAsync<UserErrorException>(() => owner.DownAsync("nobody", TestContext.Current.CancellationToken));
        Assert.Equal("Member [nobody] not found", error.Message);
    }

    [Fact]
    public async Task A_foreign_host_header_is_refused()
    {
        await using var server = await StartAsync(new FixedNode());
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{server.Port}/cluster/members");
        request.Headers.Host = "evil.example";
        using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Before_the_join_it_says_so_and_is_not_ready()
    {
        await using var server = await StartAsync(new FixedNode { Cluster = null });
        using var client = new ManagementClient($"127.0.0.1:{server.Port}", null);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => client.GetClusterAsync(TestContext.Current.CancellationToken));
        Assert.Contains("not a member", error.Message, StringComparison.Ordinal);
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.InternalServerError, (await http.GetAsync($"http://127.0.0.1:{server.Port}/ready", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync($"http://127.0.0.1:{server.Port}/alive", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var error = await Assert.ThrowsAsync<UserErrorException>(() =>
            ManagementServer.StartAsync(new FixedNode(), port, "secret", TestContext.Current.CancellationToken));
        Assert.Contains($"management port {port} is in use", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_are_streamed()
    {
        await using var server = await StartAsync(new FixedNode());
        using var client = new ManagementClient($"127.0.0.1:{server.Port}", null);
        var types = new List<string>();
        await foreach (string data in client.TailAsync(TestContext.Current.CancellationToken))
        {
            types.Add(JsonDocument.Parse(data).RootElement.GetProperty("type").GetString()!);
        }

        Assert.Equal(["MemberUp", "UnreachableMember"], types);
    }

    [Fact]
    public async Task Nobody_there_is_one_line()
    {
        using var client = new ManagementClient("127.0.0.1:1", null);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => client.GetClusterAsync(TestContext.Current.CancellationToken));
        Assert.Contains("no node answers at 127.0.0.1:1", error.Message, StringComparison.Ordinal);
    }

    private static Task<ManagementServer> StartAsync(IManagedNode node) =>
        ManagementServer.StartAsync(node, 0, "secret", TestContext.Current.CancellationToken);

    internal sealed class FixedNode : IManagedNode
    {
        public List<string> Actions { get; } = [];

        public ClusterView? Cluster { get; init; } = new(
            Self,
            [
                new MemberView(Self, "17", "Up", ["trainer"], "0.1.0", "12D3self"),
                new MemberView(Other, "18", "Up", ["trainer"], "0.1.0", "12D3other"),
            ],
            [new UnreachableView(Other, [Self])],
            Self,
            Self,
            new Dictionary<string, string> { ["trainer"] = Self });

        public NatView Nat { get; } = new(
            "12D3self", "relayed", "endpoint-independent", "unknown", [], new PortMappingView([], "no router answered"), [], null, [], ["forward a port"]);

        public IManagedDht? Dht { get; init; }

        public IManagedModels? Models { get; init; }

        public JsonObject Describe() => new() { ["peerId"] = "12D3self" };

        public async IAsyncEnumerable<ClusterEventView> WatchClusterAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            yield return new ClusterEventView("MemberUp", Self, DateTimeOffset.UnixEpoch);
            await Task.Yield();
            yield return new ClusterEventView("UnreachableMember", Other, DateTimeOffset.UnixEpoch);
        }

        public ValueTask<string?> LeaveAsync(string member, CancellationToken cancellationToken) => Act("leave", member);

        public ValueTask<string?> DownAsync(string member, CancellationToken cancellationToken) => Act("down", member);

        private ValueTask<string?> Act(string action, string member)
        {
            if (member != "k51other")
            {
                return new((string?)null);
            }

            Actions.Add($"{action} {member}");
            return new(Other);
        }
    }
}
