using System.Text;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.Upnp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.Upnp;

/// <summary>UPnP Device Architecture 1.1, 3.2.</summary>
public sealed class SoapCodecTests
{
    private const string Service = "urn:schemas-upnp-org:service:WANIPConnection:1";

    private static readonly byte[] Done = Envelope(
        $"<u:GetExternalIPAddressResponse xmlns:u=\"{Service}\"><NewExternalIPAddress>11.77.67.21</NewExternalIPAddress></u:GetExternalIPAddressResponse>");

    private static readonly byte[] Fault = Envelope(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">"
        + "<errorCode>725</errorCode><errorDescription>OnlyPermanentLeasesSupported</errorDescription></UPnPError></detail></s:Fault>");

    [Fact]
    public void A_call_has_its_arguments_in_order_and_escaped()
    {
        string call = Encoding.UTF8.GetString(SoapCodec.WriteCall(Service, "AddPortMapping", [("NewRemoteHost", ""), ("NewDescription", "a<b>&c")]));
        Assert.Equal(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\" "
            + $"xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:AddPortMapping xmlns:u=\"{Service}\">"
            + "<NewRemoteHost /><NewDescription>a&lt;b&gt;&amp;c</NewDescription></u:AddPortMapping></s:Body></s:Envelope>",
            call);
    }

    [Fact]
    public void The_header_names_the_action() =>
        Assert.Equal($"\"{Service}#AddPortMapping\"", SoapCodec.ActionHeader(Service, "AddPortMapping"));

    [Fact]
    public void Results_are_read()
    {
        SoapAnswer answer = SoapCodec.Read(Done, "GetExternalIPAddress")!;
        Assert.Equal((0, "11.77.67.21", ""), (answer.ErrorCode, answer["NewExternalIPAddress"], answer["Missing"]));
    }

    [Theory]
    [InlineData("<u:AddPortMappingResponse xmlns:u=\"x\"/>")]
    [InlineData("<u:AddPortMappingResponse xmlns:u=\"x\"></u:AddPortMappingResponse>")]
    [InlineData("<u:AddPortMappingResponse xmlns:u=\"x\">\r\n</u:AddPortMappingResponse>")]
    public void An_action_without_results_is_done_too(string body) =>
        Assert.Equal(0, SoapCodec.Read(Envelope(body), "AddPortMapping")?.ErrorCode);

    [Fact]
    public void A_fault_has_its_error() => Assert.Equal(725, SoapCodec.Read(Fault, "AddPortMapping")?.ErrorCode);

    [Theory]
    [InlineData("<s:Fault><faultcode>s:Client</faultcode></s:Fault>")]
    [InlineData("<s:Fault><detail><UPnPError><errorCode>many</errorCode></UPnPError></detail></s:Fault>")]
    [InlineData("<s:Fault><detail><UPnPError><errorCode>0</errorCode></UPnPError></detail></s:Fault>")]
    [InlineData("<s:Fault><detail><UPnPError><errorCode>-5</errorCode></UPnPError></detail></s:Fault>")]
    [InlineData("<s:Fault><detail><UPnPError><errorCode>99999999999</errorCode></UPnPError></detail></s:Fault>")]
    public void A_fault_without_a_valid_error_is_one_all_the_same(string body) =>
        Assert.Equal(SoapCodec.NoCode, SoapCodec.Read(Envelope(body), "AddPortMapping")?.ErrorCode);

    [Theory]
    [InlineData("")]
    [InlineData("<u:DeletePortMappingResponse xmlns:u=\"x\"/>")]
    [InlineData("<u:AddPortMapping xmlns:u=\"x\"/>")]
    public void Anything_else_is_no_answer(string body) => Assert.Null(SoapCodec.Read(Envelope(body), "AddPortMapping"));

    [Fact]
    public void Results_are_bounded()
    {
        string values = string.Concat(Enumerable.Range(0, 100).Select(i => $"<v{i}>x</v{i}>"));
        SoapAnswer answer = SoapCodec.Read(Envelope($"<AddPortMappingResponse>{values}</AddPortMappingResponse>"), "AddPortMapping")!;
        Assert.Equal(SoapCodec.MaxValues, answer.Values.Count);
    }

    [Fact]
    public void Hostile_bytes_never_throw() => Hostile.Bytes(Done, Fault).Sample(bytes => SoapCodec.Read(bytes, "GetExternalIPAddress"));

    private static byte[] Envelope(string body) => Encoding.UTF8.GetBytes(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        + $"s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{body}</s:Body></s:Envelope>");
}
