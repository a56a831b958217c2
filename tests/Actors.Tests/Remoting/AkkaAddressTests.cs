using Akka.Actor;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class AkkaAddressTests
{
    private static readonly PeerId Peer = TestMesh.Peer(1);
    private static readonly PeerId[] Known = [TestMesh.Peer(0), TestMesh.Peer(1), TestMesh.Peer(2)];

    [Fact]
    public void An_address_keeps_the_peer_id_though_akka_lower_cases_it()
    {
        Address address = Address.Parse(AkkaAddress.Of(Peer).ToString());

        Assert.Equal($"akka.p2p://P2PLearn@{Peer.ToBase36()}:4001", address.ToString());
        Assert.True(AkkaAddress.TryGetPeer(address, out PeerId? peer));
        Assert.Equal(Peer, peer);
    }

    [Theory]
    [InlineData("akka.tcp", "P2PLearn", 4001)]
    [InlineData("akka.p2p", "Other", 4001)]
    [InlineData("akka.p2p", "P2PLearn", 4002)]
    public void Addresses_of_other_systems_name_no_peer(string scheme, string system, int port) =>
        Assert.False(AkkaAddress.TryGetPeer(new Address(scheme, system, Peer.ToBase36(), port), out _));

    [Fact]
    public void A_peer_is_found_by_everything_that_people_paste()
    {
        string base58 = Peer.ToString();
        string[] texts =
        [
            AkkaAddress.Of(Peer).ToString(), $"P2PLearn@{Peer.ToBase36()}:4001", $"@{base58}", base58, Peer.ToBase36(),
            base58[..20], Peer.ToShortString(), Peer.ToBase36()[..20], " " + base58 + " ",
        ];

        Assert.All(texts, text =>
        {
            Assert.Equal(PeerMatch.Found, AkkaAddress.TryFind(text, Known, out PeerId? peer));
            Assert.Equal(Peer, peer);
        });
    }

    [Fact]
    public void A_whole_id_need_not_be_known() =>
        Assert.Equal(PeerMatch.Found, AkkaAddress.TryFind(TestMesh.Peer(50).ToString(), [], out _));

    [Theory]
    [InlineData("12D3", PeerMatch.Ambiguous)]
    [InlineData("zzzz", PeerMatch.Unknown)]
    [InlineData("12", PeerMatch.Unknown)]
    [InlineData("", PeerMatch.Unknown)]
    [InlineData(null, PeerMatch.Unknown)]
    public void What_names_no_peer_or_several_is_said_so(string? text, PeerMatch expected)
    {
        Assert.Equal(expected, AkkaAddress.TryFind(text, Known, out PeerId? peer));
        Assert.Null(peer);
    }
}
