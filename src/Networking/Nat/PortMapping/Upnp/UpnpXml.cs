using System.Xml;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>An element with no element in it. Names are without namespaces: gateways get those wrong.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ParentName">The name of the element around it; empty for the root.</param>
/// <param name="Parent">A number of that element, to tell which leaves belong together.</param>
/// <param name="Text">Trimmed; empty when it is longer than <see cref="UpnpXml.MaxTextLength"/>.</param>
internal readonly record struct XmlLeaf(string Name, string ParentName, int Parent, string Text);

/// <summary>Reads the XML of a stranger: no document type, no entities of its own, nothing fetched, everything bounded.</summary>
internal static class UpnpXml
{
    /// <summary>Elements within each other; a device description has some 8.</summary>
    public const int MaxDepth = 32;

    /// <summary>Elements in a document; a device description has some 100.</summary>
    public const int MaxElements = 4_096;

    /// <summary>Longest text that is looked at.</summary>
    public const int MaxTextLength = 1_024;

    /// <summary>The leaves of a document, in order.</summary>
    /// <param name="xml">As it came, its size already checked.</param>
    /// <returns>Null when it is not well formed or beyond a bound.</returns>
    public static IReadOnlyList<XmlLeaf>? Read(byte[] xml)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = xml.Length + 1L,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(xml, writable: false), settings);
            return Leaves(reader);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static List<XmlLeaf>? Leaves(XmlReader reader)
    {
        List<XmlLeaf> leaves = [];
        List<(string Name, int Number)> open = [(string.Empty, 0)];
        string? text = null; // of the innermost element as long as it has no element in it
        int elements = 0;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element when open.Count > MaxDepth || ++elements > MaxElements:
                    return null;
                case XmlNodeType.Element when reader.IsEmptyElement:
                    leaves.Add(new XmlLeaf(reader.LocalName, open[^1].Name, open[^1].Number, string.Empty));
                    text = null;
                    break;
                case XmlNodeType.Element:
                    open.Add((reader.LocalName, elements));
                    text = string.Empty;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA when text is not null:
                    text = text.Length + reader.Value.Length > MaxTextLength ? string.Empty : text + reader.Value;
                    break;
                case XmlNodeType.EndElement:
                    open.RemoveAt(open.Count - 1);
                    if (text is not null)
                    {
                        leaves.Add(new XmlLeaf(reader.LocalName, open[^1].Name, open[^1].Number, text.Trim()));
                        text = null;
                    }

                    break;
                default:
                    break;
            }
        }

        return leaves;
    }
}
