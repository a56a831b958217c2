using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayAddressesTests
{
    private const string Public = "/ip4/8.8.4.4/tcp/4001";
    private const string Private = "/ip4/10.0.0.2/tcp/4001";
    private const string Loopback = "/ip4/127.0.0.1/tcp/4001";

    [Theory]
    [InlineData(new[] { Loopback, Private, Public }, new[] { Public })]
    [InlineData(new[] { Loopback, Private }, new[] { Private })]
    [InlineData(new[] { Loopback }, new[] { Loopback })]
    [InlineData(new string[0], new string[0])]
    public void The_widest_addresses_are_told(string[] ours, string[] told) =>
        Assert.Equal(told.Select(WithId), Choose(AddressRule.PublicInternet, ours));

    [Fact]
    public void A_rule_may_count_private_addresses() =>
        Assert.Equal([WithId(Private), WithId(Public)], Choose(AddressRule.Everything, Private, Public));

    [Fact]
    public void Relayed_addresses_are_not_told()
    {
        string circuit = $"{Public}/p2p/{TestPeers.Id(2)}/p2p-circuit";
        Assert.Equal([WithId(Private)], Choose(AddressRule.PublicInternet, circuit, Private));
        Assert.Empty(RelayAddresses.Choose(
            [(Multiaddr.Parse(Public), AddressSource.Relayed)], AddressRule.PublicInternet, TestPeers.Id(1)));
    }

    [Fact]
    public void A_target_is_put_behind_the_relay_unless_the_address_gets_too_long()
    {
        string circuit = $"{Public}/p2p/{TestPeers.Id(2)}/p2p-circuit";
        Multiaddr whole = RelayedAddress.To(Multiaddr.Parse(circuit), TestPeers.Id(3))!;
        Assert.Equal($"{circuit}/p2p/{TestPeers.Id(3)}", whole.ToString());
        Assert.Equal($"{circuit}/p2p/{TestPeers.Id(4)}", RelayedAddress.To(whole, TestPeers.Id(4))!.ToString());

        string name = $"/dns4/{new string('a', 60)}.{new string('b', 60)}.example.org";
        string longest = string.Concat(Enumerable.Repeat(name, 6)) + $"/tcp/1/p2p/{TestPeers.Id(2)}/p2p-circuit";
        int rest = Multiaddr.MaxBytes - 8 - Multiaddr.Parse(longest).Bytes.Length;
        Multiaddr full = Multiaddr.Parse($"/dns4/{new string('c', rest - 2)}" + longest);
        Assert.InRange(full.Bytes.Length, Multiaddr.MaxBytes - 20, Multiaddr.MaxBytes);
        Assert.Null(RelayedAddress.To(full, TestPeers.Id(3)));
    }

    [Fact]
    public void What_is_told_fits_a_message()
    {
        string[] ours = [.. Enumerable.Range(1, 64).Select(i => $"/dns4/{new string('a', 60)}.{i}.example.org/tcp/4001")];
        IReadOnlyList<string> told = Choose(AddressRule.PublicInternet, ours);
        Assert.InRange(told.Count, 5, 63);
        Assert.True(told.Sum(a => Multiaddr.Parse(a).Bytes.Length) <= RelayAddresses.MaxTotalBytes);
    }

    private static string WithId(string address) => $"{address}/p2p/{TestPeers.Id(1)}";

    private static IReadOnlyList<string> Choose(AddressRule rule, params string[] ours) =>
    [
        .. RelayAddresses.Choose(
            [.. ours.Select(a => (Multiaddr.Parse(a), AddressSource.Listen))], rule, TestPeers.Id(1)).Select(a => a.ToString()),
    ];
}
