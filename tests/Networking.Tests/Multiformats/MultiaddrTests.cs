using System.Net;
using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Multiformats;

public sealed class MultiaddrTests
{
    private const string A = "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz";
    private const string B = "12D3KooWLdJAwPtyQ5RFnr9wGXsQzpf3P2SeqFbYkqbfVehLu4Ns";

    private static readonly string[] Names = ["ip4", "ip6", "tcp", "p2p", "unix", "certhash", "dns", "memory", "http-path"];

    private static readonly byte[][] Valid =
        [.. TestVectors.Entries("multiaddr").Select(entry => entry.Hex("hex"))];

    [Fact]
    public void Hostile_bytes_give_an_address_with_the_same_bytes_or_none() => Hostile.Bytes(Valid).Sample(bytes =>
        !Multiaddr.TryFromBytes(bytes, out Multiaddr? address)
            || (address.Bytes.SequenceEqual(bytes)
                && Multiaddr.TryParse(address.ToString(), out Multiaddr? again)
                && again.Components.Count == address.Components.Count));

    [Fact]
    public void The_text_of_any_address_reads_back_to_its_bytes() => Hostile.Bytes(Valid).Sample(bytes =>
    {
        if (Multiaddr.TryFromBytes(bytes, out Multiaddr? address))
        {
            Assert.True(Multiaddr.TryParse(address.ToString(), out Multiaddr? again, out string? error), $"{address}: {error}");
            Assert.Equal(address, again);
        }
    });

    [Fact]
    public void Hostile_text_never_throws() => Gen.OneOf(
        Gen.String[0, 80],
        Gen.Select(Gen.Int[0, Names.Length - 1], Gen.String[0, 60], (name, value) => $"/{Names[name]}/{value}")).Sample(text =>
            {
                if (Multiaddr.TryParse(text, out Multiaddr? address, out string? error))
                {
                    Assert.Equal(address, Multiaddr.Parse(address.ToString()));
                }
                else
                {
                    Assert.False(string.IsNullOrEmpty(error));
                }
            });

    [Fact]
    public void An_unknown_code_is_no_address_and_nor_are_no_bytes()
    {
        Assert.False(Multiaddr.TryFromBytes([], out _));
        Assert.False(Multiaddr.TryFromBytes(Convert.FromHexString("cc03"), out _)); // 460, the dead QUIC draft
        Assert.False(Multiaddr.TryFromBytes(Convert.FromHexString("047f000001cc03"), out _));
    }

    [Fact]
    public void A_length_beyond_the_bytes_is_refused_before_anything_is_allocated()
    {
        // dns with a name of 2^62 bytes
        Assert.False(Multiaddr.TryFromBytes(Convert.FromHexString("35808080808080808040"), out _));
        Assert.False(Multiaddr.TryFromBytes(new byte[Multiaddr.MaxBytes + 1], out _));
        string tooLong = string.Concat(Enumerable.Repeat("/p2p-circuit/p2p/" + A, 30));
        Assert.False(Multiaddr.TryParse(tooLong, out _, out string? error));
        Assert.Contains("1024", error);
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/tcp/99999", "99999")]
    [InlineData("/ip4/1.2.3.04/tcp/1", "IPv4")]
    [InlineData("/ip4/0x7f.1/tcp/1", "IPv4")]
    [InlineData("/ip6/fe80::1%eth0/tcp/1", "IPv6")]
    [InlineData("/ip6/1.2.3.4/tcp/1", "IPv6")]
    [InlineData("/nope/1", "unknown protocol 'nope'")]
    [InlineData("ip4/1.2.3.4", "start with '/'")]
    [InlineData("/ip4/1.2.3.4//tcp/1", "//")]
    [InlineData("/ip4/1.2.3.4/tcp", "'tcp' needs a value")]
    [InlineData("/p2p/notapeer", "peer id")]
    [InlineData("/memory/-1", "decimal")]
    [InlineData("/dns/a b/tcp/1", "name")]
    [InlineData(null, "empty")]
    public void Errors_tell_the_user_what_is_wrong(string? text, string expected)
    {
        Assert.False(Multiaddr.TryParse(text, out _, out string? error));
        Assert.Contains(expected, error);
        Assert.Contains(expected, Assert.Throws<FormatException>(() => Multiaddr.Parse(text!)).Message);
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/tcp/1/", "/ip4/1.2.3.4/tcp/1")]
    [InlineData("/ipfs/" + A, "/p2p/" + A)]
    [InlineData("/unix/var/run/x", "/unix/%2Fvar%2Frun%2Fx")]
    [InlineData("/ip6/0:0:0:0:0:0:0:1/tcp/80", "/ip6/::1/tcp/80")]
    [InlineData("/ip4/1.2.3.4/tcp/80/http/http-path/a%2fb", "/ip4/1.2.3.4/tcp/80/http/http-path/a%2Fb")]
    [InlineData("/ip4/10.0.0.0/ipcidr/8", "/ip4/10.0.0.0/ipcidr/8")]
    public void Other_spellings_are_read_and_the_usual_one_is_printed(string text, string expected) =>
        Assert.Equal(expected, Multiaddr.Parse(text).ToString());

    [Fact]
    public void Peer_ids_are_read_as_cids_and_printed_in_base58()
    {
        string cid = PeerId.Parse(A).ToBase36();
        Assert.Equal($"/p2p/{A}", Multiaddr.Parse($"/p2p/{cid}").ToString());
    }

    [Fact]
    public void Decapsulating_removes_from_the_last_match_to_the_end()
    {
        Multiaddr relayed = Multiaddr.Parse($"/ip4/1.2.3.4/tcp/1/p2p/{A}/p2p-circuit/p2p/{B}");
        Assert.True(relayed.IsRelayed);
        Assert.Equal($"/ip4/1.2.3.4/tcp/1/p2p/{A}", relayed.Decapsulate(MultiaddrProtocol.P2PCircuit)!.ToString());
        Assert.Equal($"/ip4/1.2.3.4/tcp/1/p2p/{A}/p2p-circuit", relayed.Decapsulate(MultiaddrProtocol.P2P)!.ToString());
        Assert.Equal("/ip4/1.2.3.4/tcp/1", relayed.Decapsulate(Multiaddr.Parse($"/p2p/{A}"))!.ToString());
        Assert.Equal(relayed, relayed.Decapsulate(Multiaddr.Parse("/tcp/2")));
        Assert.Null(relayed.Decapsulate(relayed));
        Multiaddr twice = Multiaddr.Parse("/tcp/1/tcp/1");
        Assert.Equal("/tcp/1", twice.Decapsulate(Multiaddr.Parse("/tcp/1"))!.ToString());
    }

    [Fact]
    public void Encapsulating_joins_and_a_trailing_peer_id_is_found_and_replaced()
    {
        Multiaddr bare = Multiaddr.Parse("/ip4/1.2.3.4/tcp/1");
        Multiaddr joined = bare.Encapsulate(Multiaddr.Parse($"/p2p/{A}"));
        Assert.Null(bare.PeerId);
        Assert.Equal(A, joined.PeerId!.ToString());
        Assert.Equal(joined, bare.WithPeerId(PeerId.Parse(A)));
        Assert.Equal(B, joined.WithPeerId(PeerId.Parse(B)).PeerId!.ToString());
        Assert.Equal(bare, joined.WithoutPeerId());
        Assert.Equal(bare, bare.WithoutPeerId());
        Assert.Null(Multiaddr.Parse($"/p2p/{A}").WithoutPeerId());
        Assert.Null(Multiaddr.Parse($"/ip4/1.2.3.4/tcp/1/p2p/{A}/p2p-circuit").PeerId);
    }

    [Fact]
    public void Plain_tcp_addresses_have_an_end_point_and_names_stay_names()
    {
        Assert.True(Multiaddr.Parse($"/ip4/1.2.3.4/tcp/80/p2p/{A}").TryToTcpEndPoint(out EndPoint? four));
        Assert.Equal(new IPEndPoint(IPAddress.Parse("1.2.3.4"), 80), four);
        Assert.True(Multiaddr.Parse("/ip6/::1/tcp/80").TryToTcpEndPoint(out EndPoint? six));
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Loopback, 80), six);
        Assert.True(Multiaddr.Parse("/dns4/example.com/tcp/80").TryToTcpEndPoint(out EndPoint? name));
        Assert.Equal("example.com", Assert.IsType<DnsEndPoint>(name).Host);
        Assert.True(Multiaddr.Parse("/ip6zone/3/ip6/fe80::1/tcp/80").TryToTcpEndPoint(out EndPoint? zoned));
        Assert.Equal(3, Assert.IsType<IPEndPoint>(zoned).Address.ScopeId);
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/udp/80/quic-v1")]
    [InlineData("/ip4/1.2.3.4/tcp/80/ws")]
    [InlineData("/ip4/1.2.3.4/tcp/80/p2p/" + A + "/p2p-circuit")]
    [InlineData("/dnsaddr/example.com/tcp/1")]
    [InlineData("/memory/1")]
    [InlineData("/ip6zone/eth0/ip4/1.2.3.4/tcp/1")]
    [InlineData("/ip6zone/eth0")]
    public void Other_addresses_have_no_tcp_end_point(string text) =>
        Assert.False(Multiaddr.Parse(text).TryToTcpEndPoint(out _));

    [Fact]
    public void An_end_point_becomes_an_address_and_mapped_IPv4_becomes_ip4()
    {
        Assert.Equal("/ip4/1.2.3.4/tcp/65535", Text(new IPEndPoint(IPAddress.Parse("1.2.3.4"), 65535)));
        Assert.Equal("/ip4/1.2.3.4/tcp/5", Text(new IPEndPoint(IPAddress.Parse("::ffff:1.2.3.4"), 5)));
        Assert.Equal("/ip6/::1/tcp/5", Text(new IPEndPoint(IPAddress.IPv6Loopback, 5)));

        static string Text(IPEndPoint endPoint) => Multiaddr.FromTcpEndPoint(endPoint).ToString();
    }
}
