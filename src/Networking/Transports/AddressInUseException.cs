using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>Something listens on the address already.</summary>
public sealed class AddressInUseException : IOException
{
    /// <summary>Creates the exception.</summary>
    public AddressInUseException(Multiaddr address, Exception? inner = null)
        : base($"cannot listen on {address}: the address is in use", inner)
    {
        Address = address;
    }

    /// <summary>The address asked for.</summary>
    public Multiaddr Address { get; }
}
