using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Management;

/// <summary>Talks to a running node's management endpoint; what <c>p2plearn cluster …</c> is made of.</summary>
public sealed class ManagementClient : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly HttpClient _http;
    private readonly string _where;

    /// <summary>Creates a client.</summary>
    /// <param name="host">Host and port, e.g. <c>127.0.0.1:8558</c>.</param>
    /// <param name="token">The token that allows changes, or null for reading only.</param>
    /// <param name="limit">Time for an answer; null for 10 s.</param>
    /// <exception cref="UserErrorException">The host does not read as host:port.</exception>
    public ManagementClient(string host, string? token, TimeSpan? limit = null)
    {
        if (!Uri.TryCreate($"http://{host}/", UriKind.Absolute, out Uri? address))
        {
            throw new UserErrorException($"'{host}' is not a host and port; write e.g. 127.0.0.1:8558");
        }

        _where = host;
        _http = new HttpClient { BaseAddress = address, Timeout = limit ?? TimeSpan.FromSeconds(10) };
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>Finds the node that a person means: the one named, the one of a folder, or the one on this machine.</summary>
    /// <param name="host">Host and port, or null.</param>
    /// <param name="folder">Its data directory, which gives the token too; or null.</param>
    /// <param name="limit">Time for an answer; null for 10 s.</param>
    /// <exception cref="UserErrorException">The folder does not exist, or the host does not read as host:port.</exception>
    public static ManagementClient Open(string? host, string? folder, TimeSpan? limit = null)
    {
        if (folder is not null && !Directory.Exists(folder))
        {
            throw new UserErrorException($"{folder}: no such data directory");
        }

        string where = host
            ?? (folder is null ? null : DataDirectory.ReadManagementHost(folder))
            ?? Environment.GetEnvironmentVariable("P2PLEARN_HOST")
            ?? "127.0.0.1:8558";
        return new ManagementClient(where, folder is null ? null : DataDirectory.ReadToken(folder), limit);
    }

    /// <summary>The cluster as the node sees it.</summary>
    /// <exception cref="UserErrorException">No node answers there, or it is not a member yet.</exception>
    public async Task<ClusterView> GetClusterAsync(CancellationToken cancellationToken) =>
        (await GetAsync("cluster/members", cancellationToken)).Deserialize<ClusterView>(Json)
            ?? throw new UserErrorException($"the node at {_where} gave no members");

    /// <summary>Any GET route as JSON.</summary>
    /// <exception cref="UserErrorException">No node answers there, or it refuses.</exception>
    public async Task<JsonElement> GetAsync(string route, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, route), cancellationToken);
        return await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    /// <summary>Any PUT route with bytes, as JSON.</summary>
    /// <exception cref="UserErrorException">No node answers there, or it refuses.</exception>
    public async Task<JsonElement> PutAsync(string route, byte[] body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, route) { Content = new ByteArrayContent(body) };
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        return await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    /// <summary>Makes a member leave (DELETE).</summary>
    public Task<string> LeaveAsync(string member, CancellationToken cancellationToken) =>
        ActAsync(new HttpRequestMessage(HttpMethod.Delete, Route(member)), cancellationToken);

    /// <summary>Marks a member as down (PUT).</summary>
    public Task<string> DownAsync(string member, CancellationToken cancellationToken) =>
        ActAsync(
            new HttpRequestMessage(HttpMethod.Put, Route(member))
            {
                Content = new FormUrlEncodedContent([new("operation", "Down")]),
            },
            cancellationToken);

    /// <summary>The JSON of each membership event until cancelled.</summary>
    public async IAsyncEnumerable<string> TailAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "cluster/domain-events");
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith("data:", StringComparison.Ordinal))
            {
                yield return line[5..];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static string Route(string member) => "cluster/members/" + Uri.EscapeDataString(member);

    private async Task<string> ActAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            using HttpResponseMessage response = await SendAsync(request, cancellationToken);
            return (await response.Content.ReadFromJsonAsync<ActionAnswer>(Json, cancellationToken))?.Message ?? "";
        }
    }

    /// <summary>Sends any request; the answer is returned as soon as its head is here, and its body may take as long as it likes.</summary>
    /// <exception cref="UserErrorException">No node answers there, or it refuses.</exception>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException)
        {
            throw new UserErrorException(
                $"no node answers at {_where}; give its port with --host, or its folder with --data-dir");
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UserErrorException($"the node at {_where} did not answer within {_http.Timeout.TotalSeconds:0} s");
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        string message = await MessageOfAsync(response, cancellationToken);
        response.Dispose();
        throw new UserErrorException(message);
    }

    private async Task<string> MessageOfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            ActionAnswer? answer = await response.Content.ReadFromJsonAsync<ActionAnswer>(Json, cancellationToken);
            string hint = response.StatusCode == HttpStatusCode.MethodNotAllowed ? "; give its folder with --data-dir" : "";
            return $"{answer?.Message}{hint}";
        }
        catch (JsonException)
        {
            return $"the node at {_where} answered {(int)response.StatusCode}; is it a p2plearn node?";
        }
    }
}
