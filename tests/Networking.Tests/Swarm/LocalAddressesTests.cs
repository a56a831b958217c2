using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

public sealed class LocalAddressesTests
{
    private static readonly Multiaddr Mapped = Multiaddr.Parse("/ip4/198.97.3.7/tcp/4001");
    private static readonly KeyPair Key = KeyPair.FromSeed(TestPeers.Seed(1));

    [Fact]
    public async Task Addresses_of_all_sources_are_told_once_and_each_change_is_told()
    {
        int changes = 0;
        await using var addresses = new LocalAddresses(Key, TimeProvider.System, () => changes++);
        ITransportListener listener = await new MemoryTransport().ListenAsync(Multiaddr.Parse("/memory/7"), default);
        addresses.Add(listener);
        addresses.Set(AddressSource.Mapped, [Mapped.WithPeerId(Key.PeerId)]);
        addresses.Set(AddressSource.Observed, [Mapped]); // the same: the better source counts
        addresses.Set(AddressSource.Observed, [Mapped]);

        Assert.Equal([(listener.Address, AddressSource.Listen), (Mapped, AddressSource.Mapped)], addresses.Sourced);
        Assert.Equal(2, changes);
        Assert.All(addresses.Current, a => Assert.Equal(Key.PeerId, a.PeerId));
    }

    [Fact]
    public async Task A_newer_record_is_signed_after_a_change_and_an_address_can_go_again()
    {
        await using var addresses = new LocalAddresses(Key, TimeProvider.System, () => { });
        addresses.Set(AddressSource.Mapped, [Mapped]);
        PeerRecord first = Open(addresses.Record);
        Multiaddr relayed = Multiaddr.Parse($"/ip4/9.9.9.9/tcp/1/p2p/{TestPeers.Id(2)}/p2p-circuit");
        addresses.Set(AddressSource.Relayed, [relayed]);
        addresses.Set(AddressSource.Mapped, []);
        PeerRecord second = Open(addresses.Record);

        Assert.Equal([Mapped], first.Addresses);
        Assert.Equal([relayed], second.Addresses);
        Assert.True(second.Seq > first.Seq);
    }

    [Fact]
    public async Task No_more_addresses_are_told_than_the_limit()
    {
        await using var addresses = new LocalAddresses(Key, TimeProvider.System, () => { });
        addresses.Set(
            AddressSource.Observed, Enumerable.Range(1, 200).Select(i => Multiaddr.Parse($"/ip4/198.97.3.7/tcp/{i}")));

        Assert.Equal(LocalAddresses.MaxAddresses, addresses.Current.Count);
    }

    private static PeerRecord Open(SignedEnvelope envelope)
    {
        Assert.Equal(
            EnvelopeCheck.Valid, PeerRecord.TryOpen(envelope.ToProtobuf(), Key.PeerId, 8192, 100, out PeerRecord? record));
        return record!;
    }
}
