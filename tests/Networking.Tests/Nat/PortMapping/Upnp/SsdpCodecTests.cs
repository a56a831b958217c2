using System.Text;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.Upnp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.Upnp;

/// <summary>UPnP Device Architecture 1.1, 1.3.</summary>
public sealed class SsdpCodecTests
{
    private const int MaxBytes = 2_048;

    // As miniupnpd 2.3.1 answered.
    private const string Answer =
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        + "USN: uuid:022f00cd::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nEXT:\r\nSERVER: Debian UPnP/1.1 MiniUPnPd/2.3.1\r\n"
        + "LOCATION: http://192.168.71.1:37039/rootDesc.xml\r\nOPT: \"http://schemas.upnp.org/upnp/1/0/\"; ns=01\r\n\r\n";

    [Fact]
    public void The_search_names_what_it_wants() => Assert.Equal(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n"
        + "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
        Encoding.ASCII.GetString(SsdpCodec.WriteSearch(SsdpCodec.Targets[0])));

    [Fact]
    public void The_location_is_read() => Assert.Equal("http://192.168.71.1:37039/rootDesc.xml", Read(Answer)?.AbsoluteUri);

    [Theory]
    [InlineData("location:http://192.168.71.1:37039/rootDesc.xml")]
    [InlineData("Location:   http://192.168.71.1:37039/rootDesc.xml  ")]
    public void Header_names_have_no_case_and_space_does_not_count(string header) =>
        Assert.NotNull(Read(Answer.Replace("LOCATION: http://192.168.71.1:37039/rootDesc.xml", header, StringComparison.Ordinal)));

    [Theory]
    [InlineData("200 OK", "404 Not Found")]
    [InlineData("HTTP/1.1 200 OK", "NOTIFY * HTTP/1.1")]
    [InlineData("\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1", "")]
    [InlineData("\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1", "\r\nST: urn:schemas-upnp-org:device:MediaServer:1")]
    [InlineData("LOCATION", "X-LOCATION")]
    [InlineData("EXT:", "LOCATION: http://192.168.71.1/other.xml")]
    [InlineData("http://192.168.71.1:37039/rootDesc.xml", "/rootDesc.xml")]
    [InlineData("http://192.168.71.1:37039/rootDesc.xml", "http://")]
    [InlineData("MiniUPnPd", "Mini\0UPnPd")]
    [InlineData("MiniUPnPd", "MiniÜPnPd")]
    public void Anything_else_is_no_answer(string good, string bad) =>
        Assert.Null(Read(Answer.Replace(good, bad, StringComparison.Ordinal)));

    [Fact]
    public void Headers_after_the_empty_line_do_not_count() =>
        Assert.Null(Read(Answer.Replace("LOCATION", "\r\nLOCATION", StringComparison.Ordinal)));

    [Fact]
    public void An_answer_beyond_the_limit_is_not_looked_at()
    {
        byte[] longer = Encoding.Latin1.GetBytes(Answer + new string('x', MaxBytes));
        Assert.False(SsdpCodec.TryReadLocation(longer, MaxBytes, out _));
        Assert.True(SsdpCodec.TryReadLocation(longer, longer.Length, out _));
    }

    [Fact]
    public void A_thousand_headers_are_not_looked_through() =>
        Assert.Null(Read("HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("A:\r\n", 300)) + Answer[17..]));

    [Fact]
    public void Hostile_bytes_never_throw() => Hostile.Bytes(Encoding.ASCII.GetBytes(Answer)).Sample(bytes =>
    {
        bool read = SsdpCodec.TryReadLocation(bytes, MaxBytes, out Uri? location);
        Assert.Equal(read, location is not null);
    });

    private static Uri? Read(string answer) =>
        SsdpCodec.TryReadLocation(Encoding.Latin1.GetBytes(answer), MaxBytes, out Uri? location) ? location : null;
}
