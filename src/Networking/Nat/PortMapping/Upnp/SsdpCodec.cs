using System.Text;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Text of UPnP's search protocol.</summary>
/// <remarks>Source: UPnP Device Architecture 1.1, 1.3.2 (search) and 1.3.3 (answer).</remarks>
internal static class SsdpCodec
{
    /// <summary>What a search looks for: gateways of version 1, which those of version 2 have to answer too, and of
    /// version 2, since some do not.</summary>
    public static readonly IReadOnlyList<string> Targets =
        ["urn:schemas-upnp-org:device:InternetGatewayDevice:1", "urn:schemas-upnp-org:device:InternetGatewayDevice:2"];

    private const int MaxHeaders = 32;

    /// <summary>The search for a target, to be answered within a second.</summary>
    public static byte[] WriteSearch(string target) => Encoding.ASCII.GetBytes(
        "M-SEARCH * HTTP/1.1\r\n"
        + "HOST: 239.255.255.250:1900\r\n"
        + "MAN: \"ssdp:discover\"\r\n"
        + "MX: 1\r\n"
        + $"ST: {target}\r\n"
        + "\r\n");

    /// <summary>Reads where the device that answered describes itself.</summary>
    /// <returns>False for anything but an answer to a search of ours: too long, not a 200, another target, no or two
    /// addresses.</returns>
    public static bool TryReadLocation(ReadOnlySpan<byte> datagram, int maxBytes, out Uri? location)
    {
        location = null;
        if (datagram.Length > maxBytes || datagram.ContainsAnyExceptInRange((byte)'\t', (byte)'~'))
        {
            return false;
        }

        string[] lines = Encoding.ASCII.GetString(datagram).Split("\r\n", MaxHeaders + 2);
        bool isAnswer = IsOk(lines[0])
            && Value(lines, "ST") is { } target
            && Targets.Contains(target)
            && Value(lines, "LOCATION") is { } url
            && Uri.TryCreate(url, UriKind.Absolute, out location)
            && location.Scheme == Uri.UriSchemeHttp;
        location = isAnswer ? location : null;
        return isAnswer;
    }

    private static bool IsOk(string line) => line is "HTTP/1.1 200 OK" or "HTTP/1.0 200 OK";

    // Null when the header is missing or there twice.
    private static string? Value(string[] lines, string name)
    {
        string? found = null;
        foreach (string line in lines.Skip(1).TakeWhile(l => l.Length > 0))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0 || !line.AsSpan(0, colon).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (found is not null)
            {
                return null;
            }

            found = line[(colon + 1)..].Trim();
        }

        return found;
    }
}
