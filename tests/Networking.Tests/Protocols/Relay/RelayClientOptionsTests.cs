using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayClientOptionsTests
{
    public static TheoryData<Func<RelayClientOptions, RelayClientOptions>> Wrong => new(
        o => o with { Reservations = 0 },
        o => o with { MaxCandidates = 0 },
        o => o with { MaxAddressesPerRelay = 0 },
        o => o with { MaxReconnects = 0 },
        o => o with { MaxCircuits = 0 },
        o => o with { MaxCircuitsPerRelay = 0 },
        o => o with { CircuitBurst = 0 },
        o => o with { CircuitsPerSecond = 0 },
        o => o with { DialTimeout = TimeSpan.Zero },
        o => o with { ReserveTimeout = TimeSpan.Zero },
        o => o with { ReservePatience = TimeSpan.Zero },
        o => o with { AcceptTimeout = TimeSpan.Zero },
        o => o with { MinLifetime = TimeSpan.Zero },
        o => o with { SecondLook = TimeSpan.Zero },
        o => o with { ImproveInterval = TimeSpan.Zero },
        o => o with { RetestInterval = TimeSpan.Zero },
        o => o with { MinHold = TimeSpan.Zero },
        o => o with { ReconnectPause = TimeSpan.Zero },
        o => o with { BrokenPause = TimeSpan.Zero },
        o => o with { NoRoomPause = TimeSpan.Zero },
        o => o with { DeniedPause = TimeSpan.Zero },
        o => o with { MaxPause = TimeSpan.Zero },
        o => o with { MaxLifetime = TimeSpan.FromSeconds(29) },
        o => o with { MaxLifetime = TimeSpan.FromDays(31) },
        o => o with { RenewAfter = 0.05 },
        o => o with { RenewAfter = 0.96 },
        o => o with { RenewSpread = -0.1 },
        o => o with { Relays = [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001")] },
        o => o with { Relays = [Multiaddr.Parse($"/p2p/{TestPeers.Id(1)}")] },
        o => o with { Relays = [Multiaddr.Parse($"/ip4/192.0.2.1/tcp/1/p2p/{TestPeers.Id(1)}/p2p-circuit/p2p/{TestPeers.Id(2)}")] });

    [Fact]
    public void What_is_there_by_default_is_valid() => new RelayClientOptions().Validate();

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_work_is_refused(Func<RelayClientOptions, RelayClientOptions> spoil) =>
        Assert.ThrowsAny<ArgumentException>(() => spoil(new RelayClientOptions()).Validate());
}
