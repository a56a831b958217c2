using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;

namespace P2PLearn.Node.Management;

/// <summary>The routes below <c>/models</c>.</summary>
/// <remarks>The bytes of a model are given out for a POST only, because that needs the token: unlike what the other routes show, they are not for everybody on
/// this machine.</remarks>
internal static class ModelRoutes
{
    /// <summary>Time for an answer that reads the store.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Time for a push: reading a file of up to 1 GiB, hashing and storing it, and telling others.</summary>
    public static readonly TimeSpan PushLimit = TimeSpan.FromMinutes(15);

    /// <summary>Longest pull that may be asked for.</summary>
    public static readonly TimeSpan MaxPull = TimeSpan.FromDays(1);

    /// <summary>Most peers that a pull may name.</summary>
    public const int MaxFrom = 32;

    /// <summary>Adds the routes.</summary>
    /// <param name="app">To what.</param>
    /// <param name="models">The node's models; null when it has none.</param>
    /// <param name="json">How answers are written.</param>
    public static void Map(IEndpointRouteBuilder app, Func<IManagedModels?> models, JsonSerializerOptions json)
    {
        app.MapGet("/models", (HttpContext http, CancellationToken ct) => AnswerAsync(http, m => m.ListAsync(ct)));
        app.MapGet("/models/{name}", (HttpContext http, string name, CancellationToken ct) => AnswerAsync(http, m => m.ShowAsync(name, ct)));
        app.MapPost("/models/push", (HttpContext http, PushRequest request, CancellationToken ct) =>
            AnswerAsync(http, m => m.PushAsync(request.Path, ct)));
        app.MapDelete("/models/{root}", (HttpContext http, string root, CancellationToken ct) => AnswerAsync(http, m => m.DropAsync(root, ct)));
        app.MapPost("/models/{root}/export", (HttpContext http, string root, CancellationToken ct) =>
            DoAsync(http, async m => await SendAsync(http.Response, await m.ExportAsync(root, ct), ct)));
        app.MapPost("/models/{name}/pull", (HttpContext http, string name, string? timeout, CancellationToken ct) =>
            DoAsync(http, m => StreamAsync(http.Response, m.PullAsync(name, Peers(http.Request.Query["from"]), Time(timeout), ct), json, ct)));

        Task AnswerAsync<T>(HttpContext http, Func<IManagedModels, Task<T>> act) =>
            DoAsync(http, async m => await http.Response.WriteAsJsonAsync(await act(m), json, http.RequestAborted));

        async Task DoAsync(HttpContext http, Func<IManagedModels, Task> act)
        {
            if (models() is not { } all)
            {
                await RefuseAsync(http, "this node keeps no models", StatusCodes.Status503ServiceUnavailable);
                return;
            }

            try
            {
                await act(all);
            }
            catch (UserErrorException e) when (!http.Response.HasStarted)
            {
                await RefuseAsync(http, e.Message, StatusCodes.Status400BadRequest);
            }
        }

        async Task RefuseAsync(HttpContext http, string message, int status)
        {
            http.Response.StatusCode = status;
            await http.Response.WriteAsJsonAsync(new ActionAnswer(message), json, http.RequestAborted);
        }
    }

    private static async Task SendAsync(HttpResponse response, ModelExport export, CancellationToken cancellationToken)
    {
        response.ContentType = "application/octet-stream";
        response.ContentLength = export.Length; // a reader sees when it was cut off
        await export.WriteToAsync(response.Body, cancellationToken);
    }

    private static async Task StreamAsync(
        HttpResponse response, IAsyncEnumerable<PullEventView> events, JsonSerializerOptions json, CancellationToken cancellationToken)
    {
        await foreach (PullEventView happened in events.WithCancellation(cancellationToken))
        {
            if (!response.HasStarted)
            {
                response.ContentType = "application/x-ndjson"; // only now: what cannot begin is refused by a status
            }

            await response.WriteAsync(JsonSerializer.Serialize(happened, json) + "\n", cancellationToken);
            await response.Body.FlushAsync(cancellationToken);
        }
    }

    private static string[] Peers(StringValues from) => from.Count > MaxFrom
        ? throw new UserErrorException($"{from.Count} peers are too many to pull from; at most {MaxFrom}")
        : [.. from.OfType<string>()];

    private static TimeSpan Time(string? timeout)
    {
        TimeSpan time = TimeSpan.Zero;
        bool reads = timeout is not null && TimeSpan.TryParse(timeout, CultureInfo.InvariantCulture, out time);
        return reads && time > TimeSpan.Zero && time <= MaxPull
            ? time
            : throw new UserErrorException($"'{timeout}' is no time for a pull; write e.g. 00:10:00, at most 1.00:00:00");
    }
}
