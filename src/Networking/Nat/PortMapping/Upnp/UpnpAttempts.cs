namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Decides what is asked next of a UPnP gateway that said no.</summary>
/// <remarks>Pure. Starts with the port suggested and a lease that ends. <c>AddPortMapping</c> of version 1 knows no "any
/// port", so other ports are guessed; version 2 is asked once for any.</remarks>
/// <param name="suggestedPort">The first external port.</param>
/// <param name="lease">Seconds.</param>
/// <param name="findsPorts">The service has <c>AddAnyPortMapping</c>.</param>
/// <param name="maxPorts">Other ports tried.</param>
/// <param name="randomPort">Gives another port.</param>
internal sealed class UpnpAttempts(int suggestedPort, uint lease, bool findsPorts, int maxPorts, Func<int> randomPort)
{
    private int _portsLeft = maxPorts;

    /// <summary>The external port to ask for.</summary>
    public int Port { get; private set; } = suggestedPort;

    /// <summary>The lease to ask for, in seconds; 0: for ever.</summary>
    public uint Lease { get; private set; } = lease;

    /// <summary>Ask by <c>AddAnyPortMapping</c>.</summary>
    public bool AnyPort { get; private set; }

    /// <summary>Takes an error in.</summary>
    /// <returns>Whether there is something else to ask.</returns>
    public bool TryNext(int error)
    {
        switch (error)
        {
            case UpnpError.OnlyPermanentLeasesSupported when Lease != 0:
                Lease = 0;
                return true;
            case UpnpError.ConflictInMappingEntry or UpnpError.ConflictWithOtherMechanisms when findsPorts && !AnyPort:
                AnyPort = true;
                return true;
            case UpnpError.ConflictInMappingEntry or UpnpError.ConflictWithOtherMechanisms when _portsLeft > 0:
                _portsLeft--;
                AnyPort = false;
                findsPorts = false;
                Port = randomPort();
                return true;
            default:
                return AnyPort && TryGuess();
        }
    }

    // A gateway that says version 2 may still not have the action.
    private bool TryGuess()
    {
        AnyPort = false;
        findsPorts = false;
        return TryNext(UpnpError.ConflictInMappingEntry);
    }
}
