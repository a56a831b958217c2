namespace P2PLearn.Networking.Transports;

/// <summary>How much and how long a link may be used: what a relay grants a circuit.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, <c>Limit</c>. A zero on the wire means no limit, which is null here.
/// Information only: the relay enforces it by resetting the circuit (js-libp2p even writes milliseconds where the spec
/// says seconds).</remarks>
/// <param name="Duration">From its beginning to its end; null for no limit.</param>
/// <param name="Bytes">In each direction; null for no limit.</param>
public sealed record LinkLimit(TimeSpan? Duration, long? Bytes);
