namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Asks one gateway for one TCP port by one protocol.</summary>
/// <remarks>Used by one caller at a time. Whatever the gateway sends or does not send is a value, not an exception;
/// <see cref="OperationCanceledException"/> is the only one to expect.</remarks>
internal interface IGatewayClient : IDisposable
{
    /// <summary>The protocol it speaks.</summary>
    PortMappingProtocol Protocol { get; }

    /// <summary>Whether the gateway speaks the protocol. Changes nothing at the gateway.</summary>
    Task<bool> FindAsync(CancellationToken cancellationToken);

    /// <summary>Asks for the mapping, or renews it: the same to the gateway.</summary>
    Task<MapAnswer> MapAsync(MapAsk ask, CancellationToken cancellationToken);

    /// <summary>Looks whether the mapping that was granted last is still there. Changes nothing at the gateway.</summary>
    Task<CheckAnswer> CheckAsync(CancellationToken cancellationToken);

    /// <summary>Removes the mapping that was granted last.</summary>
    /// <returns>Whether the gateway said that it did.</returns>
    Task<bool> UnmapAsync(CancellationToken cancellationToken);
}
