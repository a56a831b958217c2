using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Management;

/// <summary>The routes below /models, through the client that the commands use.</summary>
public sealed class ModelRoutesTests
{
    private const string Root = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_comes_through_as_it_was_given()
    {
        var models = new FixedModels();
        await using ManagementServer server = await StartAsync(models);
        using var http = new ManagementClient($"127.0.0.1:{server.Port}", "secret");
        var client = new ModelClient(http);

        Assert.Equal(models.List.Models, (await client.ListAsync(Token)).Models);
        Assert.Equal(models.List.Checkpoints, (await client.ListAsync(Token)).Checkpoints);
        ModelShowView shown = await client.ShowAsync("4f1c07", Token);
        Assert.Null(shown.Model);
        Assert.Equal([new ModelRunRootView(Root, "Qm", 5, 0.25, true)], shown.Run!.Roots);
        Assert.Equal(new ModelPushedView(Root, 5, 1, 2), await client.PushAsync("/a file/with ? and ü", Token));
        Assert.Equal("dropped", (await client.DropAsync(Root, Token)).Message);
        ModelExport export = await client.ExportAsync(Root, Token);
        using var bytes = new MemoryStream();
        await export.WriteToAsync(bytes, Token);
        Assert.Equal((5L, "model"), (export.Length, System.Text.Encoding.ASCII.GetString(bytes.ToArray())));
        Assert.Equal(["push /a file/with ? and ü", $"drop {Root}", $"export {Root}"], models.Actions);
    }

    [Fact]
    public async Task A_pull_is_streamed_and_ends_with_its_listener()
    {
        var models = new FixedModels();
        await using ManagementServer server = await StartAsync(models);
        using var http = new ManagementClient($"127.0.0.1:{server.Port}", "secret");
        var client = new ModelClient(http);

        List<PullEventView> events = [];
        await foreach (PullEventView happened in client.PullAsync(Root, ["a b", "c"], TimeSpan.FromSeconds(90), Token))
        {
            events.Add(happened);
        }

        Assert.Equal(["searching", "fetching", "done"], events.Select(e => e.Type));
        Assert.Equal(12.5, events[1].BytesPerSecond);
        Assert.Equal([$"pull {Root} from a b, c within 00:01:30"], models.Actions);

        await foreach (PullEventView happened in client.PullAsync("endless", [], Limit, Token))
        {
            Assert.Equal("fetching", happened.Type); // already while the pull still runs
            break;
        }

        await models.Cancelled.Task.WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task What_changes_and_what_gives_out_a_model_needs_the_token()
    {
        var models = new FixedModels();
        await using ManagementServer server = await StartAsync(models);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server.Port}/") };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("models", Token)).StatusCode);
        Assert.NotEqual(HttpStatusCode.OK, (await http.GetAsync($"models/{Root}/export", Token)).StatusCode);
        foreach (string token in (string[])["", "guess"])
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            foreach (string route in (string[])[$"models/{Root}/export", $"models/{Root}/pull?timeout=00:01:00", "models/push"])
            {
                Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.PostAsync(route, null, Token)).StatusCode);
            }

            Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.DeleteAsync($"models/{Root}", Token)).StatusCode);
        }

        Assert.Empty(models.Actions);
    }

    [Fact]
    public async Task What_cannot_begin_is_one_line()
    {
        await using ManagementServer server = await StartAsync(new FixedModels());
        using var http = new ManagementClient($"127.0.0.1:{server.Port}", "secret");
        var client = new ModelClient(http);

        Assert.Equal("nothing of this name", await RefusedAsync(() => client.ShowAsync("nothing", Token)));
        Assert.Equal("nothing of this name", await RefusedAsync(() => DrainAsync(client.PullAsync("nothing", [], Limit, Token))));
        Assert.Contains("no time for a pull", await RefusedAsync(() => DrainAsync(client.PullAsync(Root, [], TimeSpan.Zero, Token))), StringComparison.Ordinal);
        Assert.Contains("no time for a pull", await RefusedAsync(() => DrainAsync(client.PullAsync(Root, [], TimeSpan.FromDays(2), Token))), StringComparison.Ordinal);
        string[] many = [.. Enumerable.Repeat("p", ModelRoutes.MaxFrom + 1)];
        Assert.Contains("33 peers are too many", await RefusedAsync(() => DrainAsync(client.PullAsync(Root, many, Limit, Token))), StringComparison.Ordinal);
        Assert.Equal("the node ended in the middle of its answer", await RefusedAsync(() => DrainAsync(client.PullAsync("broken", [], Limit, Token))));
        ModelExport broken = await client.ExportAsync("broken", Token);
        Assert.Equal("the node ended in the middle of its answer", await RefusedAsync(() => broken.WriteToAsync(Stream.Null, Token)));

        await using ManagementServer without = await StartAsync(null);
        using var nothing = new ManagementClient($"127.0.0.1:{without.Port}", "secret");
        Assert.Equal("this node keeps no models", await RefusedAsync(() => new ModelClient(nothing).ListAsync(Token)));
    }

    private static Task<ManagementServer> StartAsync(IManagedModels? models) =>
        ManagementServer.StartAsync(new ManagementServerTests.FixedNode { Models = models }, 0, "secret", Token);

    private static async Task<string> RefusedAsync(Func<Task> act) => (await Assert.ThrowsAsync<UserErrorException>(act)).Message;

    private static async Task DrainAsync(IAsyncEnumerable<PullEventView> events)
    {
        await foreach (PullEventView happened in events)
        {
            Assert.NotEqual("", happened.Type);
        }
    }

    private sealed class FixedModels : IManagedModels
    {
        public ModelListView List { get; } = new(
            [new ModelView(Root, "pulled", null, 0, "Qm", 5, false)], [new CheckpointSummaryView("4f1c", 3, 2, true)]);

        public List<string> Actions { get; } = [];

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<ModelListView> ListAsync(CancellationToken cancellationToken) => Task.FromResult(List);

        public Task<ModelShowView> ShowAsync(string name, CancellationToken cancellationToken) => name == "nothing"
            ? throw new UserErrorException("nothing of this name")
            : Task.FromResult(new ModelShowView(null, new ModelRunView("4f1c", 3, true, [new ModelRunRootView(Root, "Qm", 5, 0.25, true)], null, [])));

        public async IAsyncEnumerable<PullEventView> PullAsync(
            string name, IReadOnlyList<string> from, TimeSpan timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            switch (name)
            {
                case "nothing":
                    throw new UserErrorException("nothing of this name");
                case "endless":
                    yield return new PullEventView(PullEvents.Fetching, Root);
                    cancellationToken.Register(() => Cancelled.TrySetResult());
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
                    break;
                case "broken":
                    yield return new PullEventView(PullEvents.Fetching, Root);
                    throw new InvalidOperationException("a bug");
            }

            Actions.Add($"pull {name} from {string.Join(", ", from)} within {timeout}");
            yield return new PullEventView(PullEvents.Searching, Root);
            yield return new PullEventView(PullEvents.Fetching, Root, 1, 5, 1, 2, 3, 12.5);
            yield return new PullEventView(PullEvents.Done, "");
        }

        public Task<ModelPushedView> PushAsync(string path, CancellationToken cancellationToken)
        {
            Actions.Add("push " + path);
            return Task.FromResult(new ModelPushedView(Root, 5, 1, 2));
        }

        public Task<ModelExport> ExportAsync(string root, CancellationToken cancellationToken)
        {
            Actions.Add("export " + root);
            return Task.FromResult(new ModelExport(5, async (stream, ct) =>
            {
                await stream.WriteAsync("mo"u8.ToArray(), ct);
                await stream.FlushAsync(ct);
                await stream.WriteAsync(root == "broken" ? throw new InvalidOperationException("a bug") : "del"u8.ToArray(), ct);
            }));
        }

        public Task<ActionAnswer> DropAsync(string root, CancellationToken cancellationToken)
        {
            Actions.Add("drop " + root);
            return Task.FromResult(new ActionAnswer("dropped"));
        }
    }
}
