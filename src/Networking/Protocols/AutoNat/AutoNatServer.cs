using System.Net;
using System.Security.Cryptography;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using Status = P2PLearn.Networking.Protocols.AutoNat.Wire.V2.DialResponse.Types.ResponseStatus;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Version 2: dials the first address of a request that it may, and says what came of it.</summary>
/// <remarks>
/// Source: libp2p specs, autonat v2. Nothing is dialled for a requester that is over a limit, came through a relay, or is
/// not on the public Internet; an IP other than the requester's only after an upload larger than what a dial costs its
/// target. Safe for several threads.
/// </remarks>
internal sealed class AutoNatServer
{
    private readonly ISwarmNetwork _network;
    private readonly AutoNatServerLimits _limits;
    private readonly DialPolicy _policy;
    private readonly DialBacker _dialer;
    private readonly DialDelegation _delegation;
    private readonly Func<bool> _servesNow;
    private readonly AutoNatCounters _counters;
    private readonly RequestRates _rates;
    private readonly RequestRates _foreignRates;
    private int _running;

    /// <param name="network">The clock.</param>
    /// <param name="limits">Rates, sizes, deadlines.</param>
    /// <param name="policy">Whom to dial for whom.</param>
    /// <param name="dialer">Dials.</param>
    /// <param name="delegation">Has others dial.</param>
    /// <param name="servesNow">Whether it dials for anybody at this moment.</param>
    /// <param name="counters">Counts.</param>
    public AutoNatServer(
        ISwarmNetwork network,
        AutoNatServerLimits limits,
        DialPolicy policy,
        DialBacker dialer,
        DialDelegation delegation,
        Func<bool> servesNow,
        AutoNatCounters counters)
    {
        (_network, _limits, _policy, _dialer) = (network, limits, policy, dialer);
        (_delegation, _servesNow, _counters) = (delegation, servesNow, counters);
        _rates = new RequestRates(limits.MaxRequestsPerMinute, limits.MaxRequestsPerPeer, limits.MaxRequestsPerIp);
        _foreignRates = new RequestRates(
            limits.MaxForeignDialsPerMinute, limits.MaxForeignDialsPerMinute, limits.MaxForeignDialsPerTarget);
    }

    /// <summary>Serves one request.</summary>
    public async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        _counters.Add(AutoNatEvent.Requested);
        SwarmConnection connection = ((SwarmStream)stream).Connection;
        bool fits = Interlocked.Increment(ref _running) <= _limits.MaxConcurrent && _servesNow();
        try
        {
            if (await JudgeAsync(stream, connection, fits, cancellationToken).ConfigureAwait(false) is { } answer)
            {
                using var limit = new Deadline(_limits.RequestTimeout, _network.Time, cancellationToken);
                await AutoNatProtocol.WriteAsync(stream, new AutoNatMessage { DialResponse = answer }, limit.Token)
                    .ConfigureAwait(false);
                await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task<DialResponse?> JudgeAsync(
        PeerStream stream, SwarmConnection connection, bool fits, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, _limits.MaxMessageBytes);
        DialRequest? request = await ReadRequestAsync(reader, cancellationToken).ConfigureAwait(false);
        if (request is null)
        {
            return null;
        }

        IPAddress? requester = connection.IsRelayed ? null : ThinWaist.IpOf(connection.RemoteAddress);
        if (!fits || requester is null || !_rates.TryTake(connection.RemotePeer, requester, _network.Time.GetUtcNow()))
        {
            return Rejected();
        }

        if (!_policy.CanJudge(requester) || !_policy.TryChoose(request.Addrs, requester, out DialChoice? choice))
        {
            _counters.Add(AutoNatEvent.Refused);
            return Answer(Status.EDialRefused, 0, DialStatus.Unused);
        }

        if (choice.NeedsData && !_foreignRates.TryTake(connection.RemotePeer, choice.Ip, _network.Time.GetUtcNow()))
        {
            return Rejected();
        }

        if (choice.NeedsData && !await IsPaidAsync(stream, reader, choice, cancellationToken).ConfigureAwait(false))
        {
            _counters.Add(AutoNatEvent.DataMissing);
            return null;
        }

        DialStatus? status = await DialAsync(connection, requester, choice, request.Nonce, cancellationToken)
            .ConfigureAwait(false);
        return status is null
            ? Answer(Status.EInternalError, choice.Index, DialStatus.Unused)
            : Answer(Status.Ok, choice.Index, status.Value);
    }

    private async Task<DialRequest?> ReadRequestAsync(FramedReader reader, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_limits.RequestTimeout, _network.Time, cancellationToken);
        AutoNatMessage? message = await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, limit.Token)
            .ConfigureAwait(false);
        return message is null
            ? null
            : message.DialRequest ?? throw AutoNatProtocol.Unexpected("the first message is no dial request");
    }

    /// <summary>Asks for the upload, and takes it.</summary>
    /// <returns>False when the stream ended before all of it was there.</returns>
    private async Task<bool> IsPaidAsync(
        PeerStream stream, FramedReader reader, DialChoice choice, CancellationToken cancellationToken)
    {
        _counters.Add(AutoNatEvent.DataAsked);
        using var limit = new Deadline(_limits.DialDataTimeout, _network.Time, cancellationToken);
        int owed = RandomNumberGenerator.GetInt32(_limits.MinDialDataBytes, _limits.MaxDialDataBytes + 1);
        var demand = new DialDataRequest { AddrIdx = (uint)choice.Index, NumBytes = (ulong)owed };
        await AutoNatProtocol.WriteAsync(stream, new AutoNatMessage { DialDataRequest = demand }, limit.Token)
            .ConfigureAwait(false);
        try
        {
            while (owed > 0)
            {
                AutoNatMessage? message = await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, limit.Token)
                    .ConfigureAwait(false);
                if (message is null)
                {
                    return false;
                }

                owed -= Worth(message, owed);
            }
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            _counters.Add(AutoNatEvent.DataMissing);
            throw;
        }

        int pause = RandomNumberGenerator.GetInt32((int)_limits.MaxForeignDialPause.TotalMilliseconds + 1);
        await Task.Delay(TimeSpan.FromMilliseconds(pause), _network.Time, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private int Worth(AutoNatMessage message, int owed)
    {
        int bytes = message.DialDataResponse?.Data.Length
            ?? throw AutoNatProtocol.Unexpected("something else than the data asked for");
        return bytes >= Math.Min(owed, _limits.MinDialDataChunkBytes)
            ? bytes
            : throw AutoNatProtocol.Unexpected($"data in drips of {bytes} bytes");
    }

    private async Task<DialStatus?> DialAsync(
        SwarmConnection client, IPAddress clientIp, DialChoice choice, ulong nonce, CancellationToken cancellationToken)
    {
        DialStatus? status = null;
        if (!choice.NeedsData)
        {
            status = await _delegation.TryAsync(client, clientIp, choice.Address, nonce, cancellationToken)
                .ConfigureAwait(false);
        }

        if (status is null)
        {
            _counters.Add(AutoNatEvent.Dialled);
            status = await _dialer.DialBackAsync(choice.Address, nonce, cancellationToken).ConfigureAwait(false);
        }

        if (status == DialStatus.Ok)
        {
            _counters.Add(AutoNatEvent.Reached);
        }

        return status;
    }

    private DialResponse Rejected()
    {
        _counters.Add(AutoNatEvent.Rejected);
        return Answer(Status.ERequestRejected, 0, DialStatus.Unused);
    }

    private static DialResponse Answer(Status status, int index, DialStatus dialled) =>
        new() { Status = status, AddrIdx = (uint)index, DialStatus = dialled };
}
