using System.Buffers;

namespace P2PLearn.Networking.Negotiation;

/// <summary>One side of a negotiation: bytes in, bytes out, no I/O.</summary>
internal interface INegotiationState
{
    /// <summary>What was agreed, once it was.</summary>
    string? Agreed { get; }

    /// <summary>Whether it ended without an agreement.</summary>
    bool Refused { get; }

    /// <summary>Appends what this side says before it hears anything.</summary>
    void Start(IBufferWriter<byte> output);

    /// <summary>Takes bytes of the remote and appends the answer.</summary>
    /// <param name="bytes">All that was received and not consumed yet.</param>
    /// <param name="output">Takes what to send.</param>
    /// <param name="consumed">Bytes to drop; what comes after the last message belongs to the agreed protocol.</param>
    /// <returns><see cref="EndReason.None"/>, or the rule that the remote broke.</returns>
    EndReason Receive(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output, out int consumed);
}
