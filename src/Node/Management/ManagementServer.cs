using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace P2PLearn.Node.Management;

/// <summary>The management endpoint on 127.0.0.1: Akka Management's cluster routes, and <c>/node</c>, <c>/nat</c>, <c>/models</c>, <c>/alive</c>, <c>/ready</c>.</summary>
/// <remarks>
/// Reading needs no secret; every other method needs the token of the data directory as <c>Authorization: Bearer …</c>. Requests with a
/// Host header other than a loopback name are refused, so that a web page cannot reach it through a rebound DNS name.
/// </remarks>
public sealed class ManagementServer : IAsyncDisposable
{
    /// <summary>Largest request body in bytes; the form fields of Akka Management are tiny.</summary>
    public const int MaxRequestBytes = 16 * 1024;

    /// <summary>Requests served at once; local tools need a handful.</summary>
    public const int MaxConnections = 64;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly WebApplication _app;
    private readonly IManagedNode _node;
    private readonly byte[] _token;

    private ManagementServer(WebApplication app, IManagedNode node, string token)
    {
        _app = app;
        _node = node;
        _token = Encoding.UTF8.GetBytes(token);
    }

    /// <summary>The port it listens on.</summary>
    public int Port { get; private set; }

    /// <summary>Starts the endpoint.</summary>
    /// <param name="node">The node that is shown.</param>
    /// <param name="port">Port on 127.0.0.1; 0 = any free one.</param>
    /// <param name="token">The secret that allows changes.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="UserErrorException">The port is in use.</exception>
    public static async Task<ManagementServer> StartAsync(
        IManagedNode node, int port, string token, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, port);
            kestrel.Limits.MaxRequestBodySize = MaxRequestBytes;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
            kestrel.AddServerHeader = false;
        });
        WebApplication app = builder.Build();
        var server = new ManagementServer(app, node, token);
        server.Map();
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException e)
        {
            await app.DisposeAsync();
            throw new UserErrorException(
                $"management port {port} is in use ({e.Message.TrimEnd('.')}); give another with --management-port, or 0 for any");
        }

        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.Port = new Uri(address).Port;
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await _app.StopAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // An open event stream does not hold up the end of the node.
        }

        await _app.DisposeAsync();
    }

    private void Map()
    {
        _app.Use(CheckAsync);
        _app.MapGet("/cluster/members", () => _node.Cluster is { } view ? Results.Json(view, Json) : NotJoined());
        _app.MapGet("/cluster/members/{member}", (string member) => Member(member));
        _app.MapDelete("/cluster/members/{member}", (string member, CancellationToken ct) =>
            ActAsync(_node.LeaveAsync(member, ct), member, "Leaving"));
        _app.MapPut("/cluster/members/{member}", PutAsync);
        _app.MapGet("/cluster/domain-events", StreamEventsAsync);
        _app.MapGet("/node", () => Results.Json(_node.Describe(), Json));
        _app.MapGet("/nat", () => Results.Json(_node.Nat, Json));
        DhtRoutes.Map(_app, () => _node.Dht, Json);
        ModelRoutes.Map(_app, () => _node.Models, Json);
        _app.MapGet("/alive", () => Results.Text("alive"));
        _app.MapGet("/ready", () => IsReady() ? Results.Text("ready") : Results.Text("not a member yet", statusCode: 500));
    }

    private async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        string host = context.Request.Host.Host;
        if (host is not ("127.0.0.1" or "localhost"))
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, $"host '{host}' is not this machine's loopback");
            return;
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HasToken(context.Request))
        {
            await RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "read-only: changes need the token of the node's data directory");
            return;
        }

        await next(context);
    }

    private bool HasToken(HttpRequest request)
    {
        const string scheme = "Bearer ";
        string header = request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.Ordinal)
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(header[scheme.Length..]), _token);
    }

    private static async Task RefuseAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new ActionAnswer(message), Json, context.RequestAborted);
    }

    private static IResult NotJoined() =>
        Results.Json(new ActionAnswer("this node is not a member of a cluster yet"), Json, statusCode: 503);

    private bool IsReady() =>
        _node.Cluster is { } view && view.Members.Any(m => m.Node == view.SelfNode && m.Status is "Up" or "WeaklyUp");

    private IResult Member(string member)
    {
        if (_node.Cluster is not { } view)
        {
            return NotJoined();
        }

        string wanted = member == "self" ? view.SelfNode : member;
        MemberView? found = view.Members.FirstOrDefault(m =>
            m.Node == wanted || m.PeerId == wanted || m.Node.EndsWith("://" + wanted, StringComparison.Ordinal));
        return found is null ? NotFound(member) : Results.Json(found, Json);
    }

    private static IResult NotFound(string member) =>
        Results.Json(new ActionAnswer($"Member [{member}] not found"), Json, statusCode: 404);

    private static async Task<IResult> ActAsync(ValueTask<string?> action, string member, string verb) =>
        await action is { } address ? Results.Json(new ActionAnswer($"{verb} {address}"), Json) : NotFound(member);

    private async Task<IResult> PutAsync(string member, HttpRequest request, CancellationToken cancellationToken)
    {
        string operation = request.HasFormContentType
            ? (await request.ReadFormAsync(cancellationToken))["operation"].ToString()
            : "";
        return operation.ToUpperInvariant() switch
        {
            "DOWN" => await ActAsync(_node.DownAsync(member, cancellationToken), member, "Downing"),
            "LEAVE" => await ActAsync(_node.LeaveAsync(member, cancellationToken), member, "Leaving"),
            _ => Results.Json(new ActionAnswer("Operation not supported: give operation=Down or operation=Leave"), Json, statusCode: 400),
        };
    }

    private async Task StreamEventsAsync(HttpContext context)
    {
        CancellationToken aborted = context.RequestAborted;
        context.Response.ContentType = "text/event-stream";
        await context.Response.Body.FlushAsync(aborted);
        await foreach (ClusterEventView e in _node.WatchClusterAsync(aborted))
        {
            string data = JsonSerializer.Serialize(e, Json);
            string frame = string.Create(CultureInfo.InvariantCulture, $"data:{data}\nevent:{e.Type}\n\n");
            await context.Response.WriteAsync(frame, aborted);
            await context.Response.Body.FlushAsync(aborted);
        }
    }
}
