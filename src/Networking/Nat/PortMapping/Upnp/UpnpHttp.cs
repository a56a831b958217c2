using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Plain HTTP with a gateway: no proxy, no redirects, no cookies, a bounded body, a deadline for the whole.</summary>
internal sealed class UpnpHttp : IDisposable
{
    private const int MaxHeaderKilobytes = 16;

    private readonly GatewayContext _context;
    private readonly HttpClient _client;

    public UpnpHttp(GatewayContext context)
    {
        _context = context;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            Credentials = null,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = MaxHeaderKilobytes,
            MaxConnectionsPerServer = 1,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5), // a small gateway has few connections to spare
            ActivityHeadersPropagator = null,
        };
        _client = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Fetches a document.</summary>
    /// <returns>Null: no answer in time, a status other than 200, or more than the limit.</returns>
    public async Task<byte[]?> GetAsync(Uri url, int maxBytes, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        return await SendAsync(request, maxBytes, cancellationToken).ConfigureAwait(false) is (HttpStatusCode.OK, { } body)
            ? body
            : null;
    }

    /// <summary>Calls an action.</summary>
    /// <returns>Null: no answer in time, a status other than 200 and 500 (a fault), or more than the limit.</returns>
    public async Task<byte[]?> PostAsync(
        Uri url, string actionHeader, byte[] soap, int maxBytes, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(soap) };
        request.Headers.TryAddWithoutValidation("SOAPAction", actionHeader);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        return await SendAsync(request, maxBytes, cancellationToken).ConfigureAwait(false)
            is (HttpStatusCode.OK or HttpStatusCode.InternalServerError, { } body)
            ? body
            : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<(HttpStatusCode Status, byte[]? Body)> SendAsync(
        HttpRequestMessage request, int maxBytes, CancellationToken cancellationToken)
    {
        using var deadline = new Deadline(_context.Options.HttpTimeout, _context.Time, cancellationToken);
        try
        {
            using HttpResponseMessage response = await _client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
            byte[]? body = await ReadAsync(response.Content, maxBytes, deadline.Token).ConfigureAwait(false);
            return (response.StatusCode, body);
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            or SocketException // of a connection that is reset the moment it is made: .NET then asks the lost socket for its remote end
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            PortMappingLog.NoAnswer(_context.Log, _context.Gateway, e.Message);
            return (0, null);
        }
    }

    private async Task<byte[]?> ReadAsync(HttpContent content, int maxBytes, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > maxBytes)
        {
            PortMappingLog.Ignored(_context.Log, _context.Gateway, "an HTTP answer that is too long");
            return null;
        }

        using var body = new MemoryStream();
        byte[] buffer = new byte[Math.Min(maxBytes, 8 * 1_024) + 1];
        Stream stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            int count;
            while ((count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (body.Length + count > maxBytes)
                {
                    PortMappingLog.Ignored(_context.Log, _context.Gateway, "an HTTP answer that is too long");
                    return null;
                }

                body.Write(buffer, 0, count);
            }
        }

        return body.ToArray();
    }
}
