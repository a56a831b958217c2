using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace P2PLearn.Node.Management;

/// <summary>The routes below <c>/dht</c>.</summary>
internal static class DhtRoutes
{
    /// <summary>Providers that one search gives, at most.</summary>
    public const int MaxProviders = 100;

    /// <summary>Time for one search.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Adds the routes.</summary>
    /// <param name="app">To what.</param>
    /// <param name="dht">The table now; null when the node has none.</param>
    /// <param name="json">How answers are written.</param>
    public static void Map(IEndpointRouteBuilder app, Func<IManagedDht?> dht, JsonSerializerOptions json)
    {
        app.MapGet("/dht", (CancellationToken ct) => AnswerAsync(table => Task.FromResult<object?>(table.View), "", ct));
        app.MapGet("/dht/value", (string key, CancellationToken ct) =>
            AnswerAsync(async table => await table.GetAsync(key, ct), $"nobody who was asked has a value of '{key}'", ct));
        app.MapPut("/dht/value", (string name, HttpRequest request, CancellationToken ct) =>
            AnswerAsync(async table => await table.PutAsync(name, await BodyAsync(request, ct), ct), "", ct));
        app.MapPut("/dht/providers", (string cid, CancellationToken ct) => AnswerAsync(async table => await table.ProvideAsync(cid, ct), "", ct));
        app.MapGet("/dht/providers", (string cid, int? max, CancellationToken ct) => AnswerAsync(
            async table => await table.FindProvidersAsync(cid, Math.Clamp(max ?? 20, 1, MaxProviders), ct), "", ct));
        app.MapGet("/dht/peer", (string id, CancellationToken ct) =>
            AnswerAsync(async table => await table.FindPeerAsync(id, ct), $"nobody who was asked knows where {id} is", ct));

        async Task<IResult> AnswerAsync(Func<IManagedDht, Task<object?>> act, string whenNull, CancellationToken ct)
        {
            if (dht() is not { } table)
            {
                return Refuse("this node has no distributed hash table: dht.mode is off", StatusCodes.Status503ServiceUnavailable);
            }

            try
            {
                return await act(table).WaitAsync(Limit, ct) is { } found ? Results.Json(found, json) : Refuse(whenNull, StatusCodes.Status404NotFound);
            }
            catch (UserErrorException e)
            {
                return Refuse(e.Message, StatusCodes.Status400BadRequest);
            }
            catch (TimeoutException)
            {
                return Refuse($"the search did not end within {Limit.TotalSeconds:0} s", StatusCodes.Status504GatewayTimeout);
            }
        }

        IResult Refuse(string message, int status) => Results.Json(new ActionAnswer(message), json, statusCode: status);
    }

    private static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellationToken); // Kestrel bounds it
        return body.ToArray();
    }
}
