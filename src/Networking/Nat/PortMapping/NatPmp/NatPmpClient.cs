using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping.NatPmp;

/// <summary>Asks a gateway by NAT-PMP.</summary>
/// <remarks>Source: RFC 6886. One question at a time, as its section 3.1 asks.</remarks>
internal sealed class NatPmpClient(GatewayContext context) : IGatewayClient
{
    private readonly GatewayDatagrams _datagrams = new(context);
    private readonly EpochClock _epoch = new(EpochClock.NatPmpRule);
    private IPAddress? _mappedFor;
    private ushort _internalPort;

    /// <inheritdoc/>
    public PortMappingProtocol Protocol => PortMappingProtocol.NatPmp;

    /// <inheritdoc/>
    public async Task<bool> FindAsync(CancellationToken cancellationToken) =>
        await AskAddressAsync(cancellationToken).ConfigureAwait(false) is { Result: not NatPmpCodec.UnsupportedVersion };

    /// <inheritdoc/>
    public async Task<MapAnswer> MapAsync(MapAsk ask, CancellationToken cancellationToken)
    {
        if (await AskAddressAsync(cancellationToken).ConfigureAwait(false) is not { } address)
        {
            return new MapAnswer.Silent();
        }

        if (address.Result != 0)
        {
            return new MapAnswer.Refused(NatPmpCodec.Describe(address.Result));
        }

        _internalPort = (ushort)ask.InternalPort;
        NatPmpAnswer? mapped = await AskMapAsync(
            (ushort)ask.SuggestedPort, LeaseTime.ToSeconds(context.Options.Lifetime), cancellationToken).ConfigureAwait(false);
        if (mapped is not { } answer)
        {
            return new MapAnswer.Silent();
        }

        Keeps(answer);
        return answer.Result == 0
            ? LeaseTime.Grant(address.ExternalAddress!, answer.ExternalPort, answer.Lifetime, context.Options)
            : new MapAnswer.Refused(NatPmpCodec.Describe(answer.Result));
    }

    /// <inheritdoc/>
    public async Task<CheckAnswer> CheckAsync(CancellationToken cancellationToken)
    {
        if (!Equals(context.LocalAddress(), _mappedFor))
        {
            return new CheckAnswer(CheckVerdict.Lost);
        }

        return await AskAddressAsync(cancellationToken).ConfigureAwait(false) is not { } answer
            ? new CheckAnswer(CheckVerdict.Unknown)
            : new CheckAnswer(Keeps(answer) ? CheckVerdict.Kept : CheckVerdict.Lost, answer.ExternalAddress);
    }

    /// <inheritdoc/>
    public async Task<bool> UnmapAsync(CancellationToken cancellationToken) =>
        await AskMapAsync(externalPort: 0, lifetime: 0, cancellationToken).ConfigureAwait(false) is { Result: 0, Lifetime: 0 };

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private bool Keeps(NatPmpAnswer answer) => _epoch.Observe(answer.Epoch, context.Time.GetUtcNow());

    private Task<NatPmpAnswer?> AskAddressAsync(CancellationToken cancellationToken) =>
        _datagrams.AskAsync<NatPmpAnswer>(
            _ => NatPmpCodec.WriteExternalAddress(), NatPmpCodec.TryReadExternalAddress, cancellationToken);

    private Task<NatPmpAnswer?> AskMapAsync(ushort externalPort, uint lifetime, CancellationToken cancellationToken) =>
        _datagrams.AskAsync<NatPmpAnswer>(
            local =>
            {
                _mappedFor = local;
                return NatPmpCodec.WriteMap(_internalPort, externalPort, lifetime);
            },
            (datagram, out answer) => NatPmpCodec.TryReadMap(datagram, _internalPort, out answer),
            cancellationToken);
}
