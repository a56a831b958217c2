using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Asks a gateway by UPnP IGD.</summary>
/// <remarks>Source: UPnP Forum, WANIPConnection:1 (2001) and :2 (2010), WANPPPConnection:1.</remarks>
internal sealed class UpnpClient(GatewayContext context) : IGatewayClient
{
    private const string Name = "P2PLearn"; // shown in the gateway's list of mappings

    private readonly PortMapperOptions _options = context.Options;
    private readonly UpnpHttp _http = new(context);
    private UpnpService? _service;
    private string _mappedFor = string.Empty;
    private int _internalPort;
    private int _externalPort;

    /// <inheritdoc/>
    public PortMappingProtocol Protocol => PortMappingProtocol.Upnp;

    /// <inheritdoc/>
    /// <remarks>Of several services the first is taken that knows an external address: a gateway may offer lines that are not
    /// connected. When none does, the best is, and mapping says why not.</remarks>
    public async Task<bool> FindAsync(CancellationToken cancellationToken)
    {
        _service = null;
        IAsyncEnumerable<Uri> locations = SsdpSearch.RunAsync(context, cancellationToken);
        await foreach (Uri location in locations.ConfigureAwait(false))
        {
            foreach (UpnpService service in await DescribeAsync(location, cancellationToken).ConfigureAwait(false))
            {
                if (await AskAddressAsync(service, cancellationToken).ConfigureAwait(false) is { } answer && Address(answer) is not null)
                {
                    _service = service;
                    return true;
                }

                _service ??= service;
            }
        }

        return _service is not null;
    }

    /// <inheritdoc/>
    public async Task<MapAnswer> MapAsync(MapAsk ask, CancellationToken cancellationToken)
    {
        if (await LiveServiceAsync(cancellationToken).ConfigureAwait(false) is not { } live)
        {
            return new MapAnswer.Silent();
        }

        if (live.Address is null || context.LocalAddress() is not { } local)
        {
            return new MapAnswer.Refused(MapAnswer.NoPublicAddress);
        }

        _mappedFor = local.ToString();
        _internalPort = ask.InternalPort;
        var attempts = new UpnpAttempts(
            ask.SuggestedPort, LeaseTime.ToSeconds(_options.UpnpLease), live.Service.FindsPorts, _options.MaxUpnpPorts, RandomPort);
        SoapAnswer? answer;
        do
        {
            _externalPort = attempts.Port;
            answer = await AddAsync(live.Service, attempts, cancellationToken).ConfigureAwait(false);
        }
        while (answer is { ErrorCode: not 0 } && attempts.TryNext(answer.ErrorCode));

        return Outcome(answer, attempts, live.Address);
    }

    /// <inheritdoc/>
    public async Task<CheckAnswer> CheckAsync(CancellationToken cancellationToken)
    {
        if (context.LocalAddress()?.ToString() != _mappedFor)
        {
            return new CheckAnswer(CheckVerdict.Lost);
        }

        if (await LiveServiceAsync(cancellationToken).ConfigureAwait(false) is not { } live)
        {
            return new CheckAnswer(CheckVerdict.Unknown);
        }

        SoapAnswer? entry = await CallAsync(
            live.Service, "GetSpecificPortMappingEntry", Key(_externalPort), cancellationToken).ConfigureAwait(false);
        return new CheckAnswer(Verdict(entry), live.Address);
    }

    /// <inheritdoc/>
    public async Task<bool> UnmapAsync(CancellationToken cancellationToken) =>
        _service is { } service
        && await CallAsync(service, "DeletePortMapping", Key(_externalPort), cancellationToken).ConfigureAwait(false)
            is { ErrorCode: 0 or UpnpError.NoSuchEntryInArray };

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static (string, string)[] Key(int externalPort) =>
        [("NewRemoteHost", ""), ("NewExternalPort", Text(externalPort)), ("NewProtocol", "TCP")];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    // Unknown errors say nothing: some gateways know the action only by name.
    private CheckVerdict Verdict(SoapAnswer? entry) => entry switch
    {
        null => CheckVerdict.Unknown,
        { ErrorCode: UpnpError.NoSuchEntryInArray } => CheckVerdict.Lost,
        { ErrorCode: not 0 } => CheckVerdict.Kept,
        _ => entry["NewInternalClient"] == _mappedFor
            && entry["NewInternalPort"] == Text(_internalPort)
            && entry["NewEnabled"] is not ("0" or "false" or "no")
            ? CheckVerdict.Kept
            : CheckVerdict.Lost,
    };

    private MapAnswer Outcome(SoapAnswer? answer, UpnpAttempts attempts, IPAddress address)
    {
        if (answer is null)
        {
            return new MapAnswer.Silent();
        }

        if (answer.ErrorCode != 0)
        {
            return new MapAnswer.Refused(UpnpError.Describe(answer.ErrorCode));
        }

        int port = attempts.Port;
        if (attempts.AnyPort
            && (!int.TryParse(answer["NewReservedPort"], NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is < 1 or > ushort.MaxValue))
        {
            return new MapAnswer.Refused("it granted no valid port");
        }

        _externalPort = port;
        return new MapAnswer.Granted(address, port, _options.UpnpLease, IsPermanent: attempts.Lease == 0);
    }

    // A gateway that restarts may serve on another port afterwards, so a service that is silent is searched anew, once.
    private async Task<(UpnpService Service, IPAddress? Address)?> LiveServiceAsync(CancellationToken cancellationToken)
    {
        SoapAnswer? answer = _service is null ? null : await AskAddressAsync(_service, cancellationToken).ConfigureAwait(false);
        if (answer is null && await FindAsync(cancellationToken).ConfigureAwait(false))
        {
            answer = await AskAddressAsync(_service!, cancellationToken).ConfigureAwait(false);
        }

        return answer is null ? null : (_service!, Address(answer));
    }

    private async Task<IReadOnlyList<UpnpService>> DescribeAsync(Uri location, CancellationToken cancellationToken)
    {
        byte[]? xml = await _http.GetAsync(location, _options.MaxDescriptionBytes, cancellationToken).ConfigureAwait(false);
        return xml is null
            ? []
            : UpnpDescription.Read(xml, location, url => LanAddress.MayFetch(url, context.Gateway, _options));
    }

    private Task<SoapAnswer?> AskAddressAsync(UpnpService service, CancellationToken cancellationToken) =>
        CallAsync(service, "GetExternalIPAddress", [], cancellationToken);

    // Four decimal numbers and nothing else; 0.0.0.0 is what a gateway without a line says.
    private static IPAddress? Address(SoapAnswer answer) =>
        IPAddress.TryParse(answer["NewExternalIPAddress"], out IPAddress? address)
        && address.AddressFamily == AddressFamily.InterNetwork
        && !address.Equals(IPAddress.Any)
        && address.ToString() == answer["NewExternalIPAddress"]
            ? address
            : null;

    private Task<SoapAnswer?> AddAsync(UpnpService service, UpnpAttempts attempts, CancellationToken cancellationToken) =>
        CallAsync(
            service,
            attempts.AnyPort ? "AddAnyPortMapping" : "AddPortMapping",
            [
                .. Key(attempts.Port),
                ("NewInternalPort", Text(_internalPort)),
                ("NewInternalClient", _mappedFor),
                ("NewEnabled", "1"),
                ("NewPortMappingDescription", Name),
                ("NewLeaseDuration", Text(attempts.Lease)),
            ],
            cancellationToken);

    private async Task<SoapAnswer?> CallAsync(
        UpnpService service, string action, (string, string)[] arguments, CancellationToken cancellationToken)
    {
        byte[]? xml = await _http.PostAsync(
            service.ControlUrl,
            SoapCodec.ActionHeader(service.Type, action),
            SoapCodec.WriteCall(service.Type, action, arguments),
            _options.MaxSoapAnswerBytes,
            cancellationToken).ConfigureAwait(false);
        return xml is null ? null : SoapCodec.Read(xml, action);
    }

    // Above the ports of services, below the usual ephemeral range of Windows and macOS.
    private int RandomPort()
    {
        Span<byte> bytes = stackalloc byte[2];
        context.FillRandom(bytes);
        return 20_000 + (BinaryPrimitives.ReadUInt16BigEndian(bytes) % 20_000);
    }
}
