using System.Text;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.Upnp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.Upnp;

/// <summary>Device descriptions, as gateways write them and as nobody should.</summary>
public sealed class UpnpDescriptionTests
{
    private const string Ip1 = "urn:schemas-upnp-org:service:WANIPConnection:1";
    private const string Ip2 = "urn:schemas-upnp-org:service:WANIPConnection:2";
    private const string Ppp = "urn:schemas-upnp-org:service:WANPPPConnection:1";

    private static readonly Uri Location = new("http://192.168.1.1:5000/rootDesc.xml");

    [Fact]
    public void The_service_within_devices_within_devices_is_found()
    {
        UpnpService service = Assert.Single(Read(Document(Service(Ip1, "/ctl/IPConn"))));
        Assert.Equal((Ip1, "http://192.168.1.1:5000/ctl/IPConn"), (service.Type, service.ControlUrl.AbsoluteUri));
    }

    [Fact]
    public void The_best_service_comes_first() => Assert.Equal(
        [Ip2, Ip1, Ppp], Read(Document(Service(Ppp, "/a") + Service(Ip1, "/b") + Service(Ip2, "/c"))).Select(s => s.Type));

    [Fact]
    public void Only_version_2_finds_ports_by_itself() => Assert.Equal(
        [true, false, false], UpnpService.KnownTypes.Select(t => new UpnpService(t, Location).FindsPorts));

    [Theory]
    [InlineData("ctl", "http://192.168.1.1:5000/ctl")]
    [InlineData("http://192.168.1.1:99/ctl", "http://192.168.1.1:99/ctl")]
    [InlineData("?a=1&amp;b=2", "http://192.168.1.1:5000/rootDesc.xml?a=1&b=2")]
    public void A_relative_address_begins_where_the_description_is(string url, string resolved) =>
        Assert.Equal(resolved, Assert.Single(Read(Document(Service(Ip1, url)))).ControlUrl.AbsoluteUri);

    [Fact]
    public void A_base_address_goes_before_the_descriptions_own() => Assert.Equal(
        "http://192.168.1.1:49152/ctl",
        Assert.Single(Read(Document(Service(Ip1, "/ctl"), "<URLBase>http://192.168.1.1:49152/x</URLBase>"))).ControlUrl.AbsoluteUri);

    [Fact]
    public void Services_whose_address_may_not_be_called_are_left_out()
    {
        byte[] xml = Document(Service(Ip1, "http://10.0.0.1/ctl") + Service(Ppp, "/ctl"));
        Assert.Equal(Ppp, Assert.Single(UpnpDescription.Read(xml, Location, url => url.Host == "192.168.1.1")).Type);
    }

    [Fact]
    public void A_base_address_cannot_lead_elsewhere() => Assert.Empty(UpnpDescription.Read(
        Document(Service(Ip1, "/ctl"), "<URLBase>http://10.0.0.1/</URLBase>"), Location, url => url.Host == "192.168.1.1"));

    [Theory]
    [InlineData("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType></service><service><controlURL>/c</controlURL></service>", "halves of two services")]
    [InlineData("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:9</serviceType><controlURL>/c</controlURL></service>", "an unknown version")]
    [InlineData("<service><serviceType>x\r\nHost: y</serviceType><controlURL>/c</controlURL></service>", "a type with a header in it")]
    [InlineData("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>http://[</controlURL></service>", "a broken address")]
    public void Other_services_are_passed_over(string services, string what) => Assert.True(Read(Document(services)).Count == 0, what);

    [Fact]
    public void Only_a_few_services_are_taken() => Assert.Equal(
        UpnpDescription.MaxServices,
        Read(Document(string.Concat(Enumerable.Range(0, 100).Select(i => Service(Ip1, $"/{i}"))))).Count);

    [Fact]
    public void A_document_type_is_refused() => Assert.Null(UpnpXml.Read(Encoding.UTF8.GetBytes(
        "<?xml version=\"1.0\"?><!DOCTYPE root [<!ENTITY a \"x\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]><root>&a;&b;</root>")));

    [Fact]
    public void Depth_and_elements_are_bounded()
    {
        Assert.NotNull(UpnpXml.Read(Nested(UpnpXml.MaxDepth)));
        Assert.Null(UpnpXml.Read(Nested(UpnpXml.MaxDepth + 1)));
        Assert.NotNull(UpnpXml.Read(Flat(UpnpXml.MaxElements)));
        Assert.Null(UpnpXml.Read(Flat(UpnpXml.MaxElements + 1)));
    }

    [Fact]
    public void A_text_beyond_the_limit_is_left_out()
    {
        Assert.Equal(UpnpXml.MaxTextLength, TextOf(UpnpXml.MaxTextLength).Length);
        Assert.Empty(TextOf(UpnpXml.MaxTextLength + 1));

        static string TextOf(int length) =>
            Assert.Single(UpnpXml.Read(Encoding.UTF8.GetBytes($"<a>{new string('x', length)}</a>"))!).Text;
    }

    [Fact]
    public void Leaves_know_their_parents()
    {
        IReadOnlyList<XmlLeaf> leaves = UpnpXml.Read("<r>t<p><a> 1 </a><!-- c --><b/></p><p><a><![CDATA[2]]></a></p></r>"u8.ToArray())!;
        Assert.Equal([("a", "p", "1"), ("b", "p", ""), ("a", "p", "2")], leaves.Select(l => (l.Name, l.ParentName, l.Text)));
        Assert.Equal(leaves[0].Parent, leaves[1].Parent);
        Assert.NotEqual(leaves[0].Parent, leaves[2].Parent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<root>")]
    [InlineData("<root></toor>")]
    [InlineData("<root/><root/>")]
    [InlineData("<root>&unknown;</root>")]
    [InlineData("<?xml version=\"1.0\" encoding=\"no-such\"?><root/>")]
    [InlineData("<?xml version=\"9\"?><root/>")]
    public void What_is_not_well_formed_has_nothing(string xml)
    {
        Assert.Null(UpnpXml.Read(Encoding.UTF8.GetBytes(xml)));
        Assert.Empty(UpnpDescription.Read(Encoding.UTF8.GetBytes(xml), Location, _ => true));
    }

    [Fact]
    public void Hostile_bytes_never_throw() => Hostile.Bytes(Document(Service(Ip1, "/c")), Document(Service(Ip2, "/c"), "<URLBase>http://a/</URLBase>"))
        .Sample(bytes => UpnpDescription.Read(bytes, Location, _ => true));

    private static IReadOnlyList<UpnpService> Read(byte[] xml) => UpnpDescription.Read(xml, Location, _ => true);

    private static string Service(string type, string url) =>
        $"<service><serviceType>{type}</serviceType><serviceId>x</serviceId><controlURL>{url}</controlURL><eventSubURL>/e</eventSubURL></service>";

    private static byte[] Document(string services, string more = "") => Encoding.UTF8.GetBytes(
        "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major></specVersion>"
        + more
        + "<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device><deviceList><device>"
        + $"<serviceList>{services}</serviceList></device></deviceList></device></deviceList></device></root>");

    private static byte[] Nested(int depth) => Encoding.UTF8.GetBytes(
        string.Concat(Enumerable.Repeat("<a>", depth)) + string.Concat(Enumerable.Repeat("</a>", depth)));

    private static byte[] Flat(int elements) => Encoding.UTF8.GetBytes(
        "<r>" + string.Concat(Enumerable.Repeat("<a/>", elements - 1)) + "</r>");
}
