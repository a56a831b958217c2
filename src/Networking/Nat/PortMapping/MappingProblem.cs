using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Says in one plain line why there is no mapping.</summary>
internal static class MappingProblem
{
    /// <summary>Port mapping has not been started.</summary>
    public const string NotStarted = "port mapping has not been started";

    /// <summary>Every protocol is switched off.</summary>
    public const string SwitchedOff = "port mapping is switched off";

    /// <summary>The machine has no default route over IPv4.</summary>
    public const string NoGateway = "this machine has no IPv4 default gateway to ask";

    private const string AnotherNat = "another NAT (such as the provider's carrier-grade NAT)";

    /// <summary>The answer is not there yet.</summary>
    public static string Searching(IPAddress gateway) => $"gateway {gateway} is being asked";

    /// <summary>The gateway had the mapping and has it no more.</summary>
    public static string Lost(IPAddress gateway) => $"gateway {gateway} does not keep the mapping any more and is asked anew";

    /// <summary>There is no NAT to open.</summary>
    public static string OwnAddressIsPublic(IPAddress own) => $"this machine's own address {own} is public: it needs no port mapping";

    /// <summary>A search came to nothing.</summary>
    public static string Of(IPAddress gateway, SearchResult result, PortMapperOptions options)
    {
        if (result.Refusals.Count == 0)
        {
            return $"gateway {gateway} did not answer {Names(options)}: switched off in its settings, or not supported";
        }

        if (result.Refusals.Any(r => r.Reason == MapAnswer.NoPublicAddress))
        {
            return $"gateway {gateway} has no public address: its line is down, or {AnotherNat} is behind it";
        }

        IEnumerable<string> reasons = result.Refusals.OrderBy(r => r.Protocol).Select(r => $"{Name(r.Protocol)}: {r.Reason}");
        return $"gateway {gateway} refused: {string.Join("; ", reasons)}";
    }

    /// <summary>The gateway granted a port of an address that is not public itself.</summary>
    public static string CarrierGradeNat(IPAddress gateway, IPAddress external) =>
        $"gateway {gateway}'s external address {external} is itself private: {AnotherNat} is behind it, and a port mapped there "
        + "cannot be reached from outside";

    private static string Names(PortMapperOptions options)
    {
        List<string> names = [];
        AddIf(names, options.EnablePcp, PortMappingProtocol.Pcp);
        AddIf(names, options.EnableNatPmp, PortMappingProtocol.NatPmp);
        AddIf(names, options.EnableUpnp, PortMappingProtocol.Upnp);
        return names.Count == 1 ? names[0] : $"{string.Join(", ", names[..^1])} or {names[^1]}";
    }

    private static void AddIf(List<string> names, bool enabled, PortMappingProtocol protocol)
    {
        if (enabled)
        {
            names.Add(Name(protocol));
        }
    }

    private static string Name(PortMappingProtocol protocol) => protocol switch
    {
        PortMappingProtocol.Pcp => "PCP",
        PortMappingProtocol.NatPmp => "NAT-PMP",
        _ => "UPnP",
    };
}
