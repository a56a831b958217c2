namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Reads a device description.</summary>
/// <remarks>Source: UPnP Device Architecture 1.1, 2.3.</remarks>
internal static class UpnpDescription
{
    /// <summary>Services that are looked at; a gateway has one or two which map ports.</summary>
    public const int MaxServices = 4;

    /// <summary>Reads the services which map ports, the best first.</summary>
    /// <param name="xml">As it came, its size already checked.</param>
    /// <param name="location">Where it came from: relative addresses begin there.</param>
    /// <param name="mayFetch">Whether a service's address may be called.</param>
    /// <returns>Empty when there is none, or the document is broken.</returns>
    public static IReadOnlyList<UpnpService> Read(byte[] xml, Uri location, Func<Uri, bool> mayFetch)
    {
        IReadOnlyList<XmlLeaf> leaves = UpnpXml.Read(xml) ?? [];
        string baseUrl = leaves.FirstOrDefault(l => l is { Name: "URLBase", ParentName: "root" }).Text ?? string.Empty;
        Uri root = Uri.TryCreate(baseUrl, UriKind.Absolute, out Uri? given) ? given : location;
        IEnumerable<UpnpService> services =
            from leaf in leaves
            where leaf.ParentName == "service"
            group leaf by leaf.Parent into service
            let type = service.FirstOrDefault(l => l.Name == "serviceType").Text
            let url = service.FirstOrDefault(l => l.Name == "controlURL").Text
            where url is not null && UpnpService.KnownTypes.Contains(type)
            let control = Uri.TryCreate(root, url, out Uri? uri) ? uri : null
            where control is not null && mayFetch(control)
            select new UpnpService(type, control);
        return [.. services.OrderBy(s => s.Rank).Take(MaxServices)];
    }
}
