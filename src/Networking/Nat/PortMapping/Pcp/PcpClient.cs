using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping.Pcp;

/// <summary>Asks a gateway by PCP.</summary>
/// <remarks>Source: RFC 6887. The client has one nonce, since it keeps one mapping.</remarks>
internal sealed class PcpClient : IGatewayClient
{
    private readonly GatewayContext _context;
    private readonly GatewayDatagrams _datagrams;
    private readonly EpochClock _epoch = new(EpochClock.PcpRule);
    private readonly byte[] _nonce = new byte[PcpCodec.NonceBytes];
    private IPAddress? _mappedFor;
    private ushort _internalPort;
    private ushort _externalPort;

    public PcpClient(GatewayContext context)
    {
        _context = context;
        _datagrams = new GatewayDatagrams(context);
        context.FillRandom(_nonce);
    }

    /// <inheritdoc/>
    public PortMappingProtocol Protocol => PortMappingProtocol.Pcp;

    /// <inheritdoc/>
    public async Task<bool> FindAsync(CancellationToken cancellationToken) =>
        await AskAnnounceAsync(cancellationToken).ConfigureAwait(false) is { Result: not PcpCodec.UnsupportedVersion };

    /// <inheritdoc/>
    public async Task<MapAnswer> MapAsync(MapAsk ask, CancellationToken cancellationToken)
    {
        _internalPort = (ushort)ask.InternalPort;
        _externalPort = (ushort)ask.SuggestedPort;
        PcpAnswer? mapped = await AskMapAsync(LeaseTime.ToSeconds(_context.Options.Lifetime), cancellationToken)
            .ConfigureAwait(false);
        if (mapped is not { } answer)
        {
            return new MapAnswer.Silent();
        }

        if (answer.Result != 0)
        {
            return new MapAnswer.Refused(PcpCodec.Describe(answer.Result));
        }

        Keeps(answer);
        _externalPort = answer.ExternalPort;
        return LeaseTime.Grant(answer.ExternalAddress!, answer.ExternalPort, answer.Lifetime, _context.Options);
    }

    /// <inheritdoc/>
    /// <remarks>The epoch tells all: a gateway whose external address changes has to start it anew (8.5).</remarks>
    public async Task<CheckAnswer> CheckAsync(CancellationToken cancellationToken)
    {
        if (!Equals(_context.LocalAddress(), _mappedFor))
        {
            return new CheckAnswer(CheckVerdict.Lost);
        }

        return await AskAnnounceAsync(cancellationToken).ConfigureAwait(false) switch
        {
            null => new CheckAnswer(CheckVerdict.Unknown),
            { Result: PcpCodec.UnsupportedVersion } => new CheckAnswer(CheckVerdict.Lost), // another gateway, or another firmware
            { } answer => new CheckAnswer(Keeps(answer) ? CheckVerdict.Kept : CheckVerdict.Lost),
        };
    }

    /// <inheritdoc/>
    public async Task<bool> UnmapAsync(CancellationToken cancellationToken) =>
        await AskMapAsync(lifetime: 0, cancellationToken).ConfigureAwait(false) is { Result: 0, Lifetime: 0 };

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private bool Keeps(PcpAnswer answer) => _epoch.Observe(answer.Epoch, _context.Time.GetUtcNow());

    private Task<PcpAnswer?> AskAnnounceAsync(CancellationToken cancellationToken) =>
        _datagrams.AskAsync<PcpAnswer>(PcpCodec.WriteAnnounce, PcpCodec.TryReadAnnounce, cancellationToken);

    private Task<PcpAnswer?> AskMapAsync(uint lifetime, CancellationToken cancellationToken) =>
        _datagrams.AskAsync<PcpAnswer>(
            local =>
            {
                _mappedFor = local;
                return PcpCodec.WriteMap(local, _nonce, _internalPort, _externalPort, lifetime);
            },
            (datagram, out answer) => PcpCodec.TryReadMap(datagram, _nonce, _internalPort, out answer),
            cancellationToken);
}
