using CsCheck;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Hosting;
using P2PLearn.TestKit;

namespace P2PLearn.Node.Tests.Hosting;

/// <summary>The word that a joiner pastes.</summary>
public sealed class JoinTicketTests
{
    private static readonly Multiaddr Seed = Multiaddr.Parse($"/ip4/192.0.2.7/tcp/4001/p2p/{TestPeers.Id(1)}");

    [Fact]
    public void A_ticket_is_read_back_with_and_without_key_and_run()
    {
        JoinTicket[] tickets =
        [
            new("home", MeshKey.Generate().ToString(), RunId.Of("settings"u8), [Seed, Multiaddr.Parse($"/ip6/2001:db8::1/tcp/4001/p2p/{TestPeers.Id(1)}")]),
            new("p2plearn", null, null, [Seed]),
        ];
        foreach (JoinTicket ticket in tickets)
        {
            Assert.True(JoinTicket.TryParse(ticket.ToString(), out JoinTicket? read));
            Assert.Equal((ticket.Mesh, ticket.Key, ticket.Run), (read.Mesh, read.Key, read.Run));
            Assert.Equal(ticket.Seeds, read.Seeds);
            Assert.All(ticket.ToString(), c => Assert.True(char.IsAsciiLetterOrDigit(c))); // one double click marks all of it
        }
    }

    [Fact]
    public void A_ticket_that_is_cut_or_changed_is_refused_or_another_but_never_throws()
    {
        string text = new JoinTicket("home", MeshKey.Generate().ToString(), RunId.Of("settings"u8), [Seed]).ToString();
        for (int length = 0; length < text.Length; length++)
        {
            Assert.False(JoinTicket.TryParse(text[..length], out _));
        }

        Gen.Select(Gen.Int[JoinTicket.Prefix.Length, text.Length - 1], Gen.Char[' ', '~']).Sample(
            (at, c) => JoinTicket.TryParse(text[..at] + c + text[(at + 1)..], out _) || true, iter: 500);
        Gen.Byte.Array[0, 300].Sample(
            bytes => JoinTicket.TryParse(JoinTicket.Prefix + Multibase.Encode(MultibaseEncoding.Base58Btc, bytes)[1..], out _) || true, iter: 500);
    }

    [Fact]
    public void What_no_ticket_can_hold_is_a_mistake_of_the_caller()
    {
        Assert.Throws<InvalidOperationException>(() => new JoinTicket("", null, null, [Seed]).ToString());
        Assert.Throws<InvalidOperationException>(() => new JoinTicket("home", "key", null, [Seed]).ToString());
        Assert.Throws<InvalidOperationException>(() => new JoinTicket("home", null, null, []).ToString());
    }
}
