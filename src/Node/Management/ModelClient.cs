using System.Globalization;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace P2PLearn.Node.Management;

/// <summary>The models of a running node, over its management endpoint.</summary>
/// <param name="client">Talks to the node; not owned.</param>
internal sealed class ModelClient(ManagementClient client) : IManagedModels
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <inheritdoc/>
    public Task<ModelListView> ListAsync(CancellationToken cancellationToken) =>
        AskAsync<ModelListView>(new HttpRequestMessage(HttpMethod.Get, "models"), cancellationToken);

    /// <inheritdoc/>
    public Task<ModelShowView> ShowAsync(string name, CancellationToken cancellationToken) =>
        AskAsync<ModelShowView>(new HttpRequestMessage(HttpMethod.Get, Route(name)), cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<PullEventView> PullAsync(
        string name, IReadOnlyList<string> from, TimeSpan timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string peers = string.Concat(from.Select(peer => "&from=" + Uri.EscapeDataString(peer)));
        string route = Route(name) + "/pull?timeout=" + Uri.EscapeDataString(timeout.ToString("c", CultureInfo.InvariantCulture)) + peers;
        using var request = new HttpRequestMessage(HttpMethod.Post, route);
        using HttpResponseMessage response = await client.SendAsync(request, cancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        bool ended = false;
        while (await ReadAsync(reader, cancellationToken) is { } line)
        {
            PullEventView happened = JsonSerializer.Deserialize<PullEventView>(line, Json)!;
            ended = happened.Type is PullEvents.Done or PullEvents.Failed;
            yield return happened;
        }

        if (!ended)
        {
            throw Gone();
        }
    }

    /// <inheritdoc/>
    public Task<ModelPushedView> PushAsync(string path, CancellationToken cancellationToken) => AskAsync<ModelPushedView>(
        new HttpRequestMessage(HttpMethod.Post, "models/push") { Content = JsonContent.Create(new PushRequest(path), options: Json) }, cancellationToken);

    /// <inheritdoc/>
    public async Task<ModelExport> ExportAsync(string root, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Route(root) + "/export");
        HttpResponseMessage response = await client.SendAsync(request, cancellationToken);
        return new ModelExport(response.Content.Headers.ContentLength ?? throw Gone(), CopyAsync);

        async Task CopyAsync(Stream destination, CancellationToken ct)
        {
            using (response)
            {
                try
                {
                    await response.Content.CopyToAsync(destination, ct);
                }
                catch (Exception e) when (e is HttpRequestException or HttpIOException)
                {
                    throw Gone();
                }
            }
        }
    }

    /// <inheritdoc/>
    public Task<ActionAnswer> DropAsync(string root, CancellationToken cancellationToken) =>
        AskAsync<ActionAnswer>(new HttpRequestMessage(HttpMethod.Delete, Route(root)), cancellationToken);

    private static string Route(string name) => "models/" + Uri.EscapeDataString(name);

    private static UserErrorException Gone() => new("the node ended in the middle of its answer");

    private static async Task<string?> ReadAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadLineAsync(cancellationToken);
        }
        catch (IOException)
        {
            throw Gone();
        }
    }

    private async Task<T> AskAsync<T>(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            using HttpResponseMessage response = await client.SendAsync(request, cancellationToken);
            return await response.Content.ReadFromJsonAsync<T>(Json, cancellationToken) ?? throw Gone();
        }
    }
}
