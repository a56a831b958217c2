using System.Net;
using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V1;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using DialStatus = P2PLearn.Networking.Protocols.AutoNat.Wire.V2.DialStatus;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Asks a server about addresses of ours, and believes no more of its answer than is proven.</summary>
/// <remarks>Source: libp2p specs, autonat v1 and v2. Safe for several threads.</remarks>
/// <param name="network">The clock and who we are.</param>
/// <param name="options">Limits.</param>
/// <param name="requester">Asks v2 servers.</param>
/// <param name="inbox">Takes the dial-backs.</param>
/// <param name="counters">Counts.</param>
internal sealed class AutoNatClient(
    ISwarmNetwork network,
    AutoNatOptions options,
    DialRequester requester,
    DialBackInbox inbox,
    AutoNatCounters counters)
{
    /// <summary>Version 2.</summary>
    /// <param name="server">A direct connection to it.</param>
    /// <param name="addresses">In order of interest.</param>
    /// <param name="fits">Whether a dial-back to an address may come in at a local one.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ProbeResult> AskAsync(
        SwarmConnection server,
        IReadOnlyList<Multiaddr> addresses,
        Func<Multiaddr, IPEndPoint, bool> fits,
        CancellationToken cancellationToken)
    {
        counters.Add(AutoNatEvent.Asked);
        using DialBackInbox.Expectation expected = inbox.Expect();
        DialVerdict verdict = await requester.AskAsync(server, addresses, expected.Nonce, cancellationToken)
            .ConfigureAwait(false);
        if (verdict.Index < 0)
        {
            counters.Add(AutoNatEvent.Unanswered);
            return new ProbeResult(verdict.IsRefused ? ProbeOutcome.Refused : ProbeOutcome.Failed, [], From: null);
        }

        Multiaddr asked = addresses[verdict.Index];
        DialBackArrival? arrived = expected.Arrived;
        switch (verdict.Status)
        {
            case DialStatus.Ok when arrived is not null && fits(asked, arrived.Local):
                counters.Add(AutoNatEvent.Reachable);
                return new ProbeResult(ProbeOutcome.Reachable, [asked], arrived.From);
            case DialStatus.EDialError when arrived is null:
                counters.Add(AutoNatEvent.Unreachable);
                return new ProbeResult(ProbeOutcome.Unreachable, [asked], From: null);
            default:
                counters.Add(AutoNatEvent.Unproven);
                return new ProbeResult(ProbeOutcome.Failed, [], From: null);
        }
    }

    /// <summary>Version 1: its yes cannot be proven, and its no is for all addresses at the IP where it sees us.</summary>
    /// <param name="server">A direct connection to it.</param>
    /// <param name="addresses">In order of interest.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ProbeResult> AskV1Async(
        SwarmConnection server, IReadOnlyList<Multiaddr> addresses, CancellationToken cancellationToken)
    {
        counters.Add(AutoNatEvent.Asked);
        using var limit = new Deadline(options.ProbeTimeout, network.Time, cancellationToken);
        AutoNatMessage.Types.DialResponse? answer = null;
        try
        {
            answer = await RequestV1Async(server, addresses, limit.Token).ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            server.Broke(violation);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        ProbeResult result = JudgeV1(answer, server, addresses);
        counters.Add(result.Outcome switch
        {
            ProbeOutcome.Reachable => AutoNatEvent.Reachable,
            ProbeOutcome.Unreachable => AutoNatEvent.Unreachable,
            _ => AutoNatEvent.Unanswered,
        });
        return result;
    }

    private async Task<AutoNatMessage.Types.DialResponse?> RequestV1Async(
        SwarmConnection server, IReadOnlyList<Multiaddr> addresses, CancellationToken cancellationToken)
    {
        SwarmStream stream = await server.OpenStreamAsync(AutoNatProtocol.V1, optimistic: true, cancellationToken)
            .ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var self = new AutoNatMessage.Types.PeerInfo { Id = ByteString.CopyFrom(network.Identity.PeerId.Bytes) };
            self.Addrs.AddRange(addresses.Select(a => ByteString.CopyFrom(a.Bytes)));
            var request = new AutoNatMessage
            {
                Type = AutoNatMessage.Types.MessageType.Dial,
                Dial = new AutoNatMessage.Types.Dial { Peer = self },
            };
            await AutoNatProtocol.WriteAsync(stream, request, cancellationToken).ConfigureAwait(false);
            await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            using var reader = new FramedReader(stream, options.Limits.MaxMessageBytes);
            AutoNatMessage? answer = await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, cancellationToken)
                .ConfigureAwait(false);
            return answer?.DialResponse;
        }
    }

    private static ProbeResult JudgeV1(
        AutoNatMessage.Types.DialResponse? answer, SwarmConnection server, IReadOnlyList<Multiaddr> addresses)
    {
        if (answer is not null && answer.HasStatus && answer.Status == AutoNatMessage.Types.ResponseStatus.Ok
            && Multiaddr.TryFromBytes(answer.Addr.Span, out Multiaddr? said)
            && said.WithoutPeerId() is { } reached
            && addresses.Contains(reached))
        {
            return new ProbeResult(ProbeOutcome.Reachable, [reached], From: null);
        }

        if (answer?.Status == AutoNatMessage.Types.ResponseStatus.EDialError
            && server.ObservedAddress is { } seen && ThinWaist.IpOf(seen) is { } ip)
        {
            return new ProbeResult(
                ProbeOutcome.Unreachable, [.. addresses.Where(a => ip.Equals(ThinWaist.IpOf(a)))], From: null);
        }

        bool refused = answer?.Status == AutoNatMessage.Types.ResponseStatus.EDialRefused;
        return new ProbeResult(refused ? ProbeOutcome.Refused : ProbeOutcome.Failed, [], From: null);
    }
}

/// <summary>What a server's answer comes to.</summary>
/// <param name="Outcome">What it is.</param>
/// <param name="Addresses">Of which addresses.</param>
/// <param name="From">Whose dial-back came through; null without one.</param>
internal sealed record ProbeResult(ProbeOutcome Outcome, IReadOnlyList<Multiaddr> Addresses, IPAddress? From);

/// <summary>Kinds of <see cref="ProbeResult"/>.</summary>
internal enum ProbeOutcome
{
    /// <summary>Nothing was learnt.</summary>
    Failed,

    /// <summary>The server dials none of these addresses.</summary>
    Refused,

    /// <summary>It got through.</summary>
    Reachable,

    /// <summary>It did not.</summary>
    Unreachable,
}
