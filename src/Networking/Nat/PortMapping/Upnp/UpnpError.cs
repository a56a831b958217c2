namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Errors of WANIPConnection:1 and :2 that we act on, and what the others mean.</summary>
internal static class UpnpError
{
    /// <summary>There is no such mapping.</summary>
    public const int NoSuchEntryInArray = 714;

    /// <summary>The external port belongs to somebody else.</summary>
    public const int ConflictInMappingEntry = 718;

    /// <summary>The gateway cannot forget a mapping by itself.</summary>
    public const int OnlyPermanentLeasesSupported = 725;

    /// <summary>The port is taken by something other than UPnP.</summary>
    public const int ConflictWithOtherMechanisms = 729;

    /// <summary>A few plain words.</summary>
    public static string Describe(int code) => code switch
    {
        401 => "it knows no such action",
        402 or 600 or 601 => "it calls the request invalid",
        501 => "it failed to do it",
        606 => "not authorized: this machine may not map ports",
        ConflictInMappingEntry or ConflictWithOtherMechanisms => "the external ports tried are taken",
        724 => "it wants internal and external port to be the same, and that port is taken",
        OnlyPermanentLeasesSupported => "it grants permanent mappings only, and not this one",
        728 => "it has no room for more mappings",
        732 => "it does not map this internal port",
        SoapCodec.NoCode => "it said no without a reason",
        _ => $"error {code}",
    };
}
