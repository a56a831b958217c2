using System.Globalization;
using System.Text;
using System.Xml;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>What a service answered to an action.</summary>
/// <param name="ErrorCode">0: it was done; else the UPnP error, or <see cref="SoapCodec.NoCode"/>.</param>
/// <param name="Values">The results by name.</param>
internal sealed record SoapAnswer(int ErrorCode, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>A result; empty when it is missing.</summary>
    public string this[string name] => Values.GetValueOrDefault(name, string.Empty);
}

/// <summary>Actions of UPnP and their answers.</summary>
/// <remarks>Source: UPnP Device Architecture 1.1, 3.2.</remarks>
internal static class SoapCodec
{
    /// <summary>The error of a fault that names none.</summary>
    public const int NoCode = -1;

    /// <summary>Results taken down; no action that we call has more.</summary>
    public const int MaxValues = 16;

    private const string Envelope = "http://schemas.xmlsoap.org/soap/envelope/";

    /// <summary>The value of the header <c>SOAPAction</c>.</summary>
    public static string ActionHeader(string serviceType, string action) => $"\"{serviceType}#{action}\"";

    /// <summary>The body that calls an action.</summary>
    /// <param name="serviceType">One of <see cref="UpnpService.KnownTypes"/>.</param>
    /// <param name="action">Its name.</param>
    /// <param name="arguments">In the order of the service's specification: some gateways insist on it.</param>
    public static byte[] WriteCall(string serviceType, string action, ReadOnlySpan<(string Name, string Value)> arguments)
    {
        using var body = new MemoryStream();
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) };
        using (var writer = XmlWriter.Create(body, settings))
        {
            writer.WriteStartElement("s", "Envelope", Envelope);
            writer.WriteAttributeString("s", "encodingStyle", Envelope, "http://schemas.xmlsoap.org/soap/encoding/");
            writer.WriteStartElement("s", "Body", Envelope);
            writer.WriteStartElement("u", action, serviceType);
            foreach ((string name, string value) in arguments)
            {
                writer.WriteElementString(name, value);
            }
        }

        return body.ToArray();
    }

    /// <summary>Reads the answer to an action.</summary>
    /// <returns>Null when it is neither that nor a fault.</returns>
    public static SoapAnswer? Read(byte[] xml, string action)
    {
        if (UpnpXml.Read(xml) is not { } leaves)
        {
            return null;
        }

        string response = action + "Response";
        Dictionary<string, string> values = [];
        bool responded = false;
        int? error = null;
        foreach (XmlLeaf leaf in leaves)
        {
            if (leaf.Name == "errorCode")
            {
                error = Code(leaf.Text);
            }
            else if (leaf.ParentName == "Fault")
            {
                error ??= NoCode;
            }
            else if (leaf.Name == response || leaf.ParentName == response)
            {
                responded = true;
                if (leaf.ParentName == response && values.Count < MaxValues)
                {
                    values.TryAdd(leaf.Name, leaf.Text);
                }
            }
        }

        return error is { } code ? new SoapAnswer(code, values) : responded ? new SoapAnswer(0, values) : null;
    }

    private static int Code(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code is > 0 and < 1_000
            ? code
            : NoCode;
}
