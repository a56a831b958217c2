namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>A call that was not answered with <see cref="RpcStatus.Ok"/>.</summary>
/// <remarks>A handler throws it to answer with a status; a caller receives it. The text of a remote is untrusted: at most 1 KiB, no control characters.</remarks>
public sealed class RpcException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="status">Anything but <see cref="RpcStatus.Ok"/>.</param>
    /// <param name="message">One line for a person; travels to the caller when a handler throws it.</param>
    /// <param name="inner">The failure underneath, on this side only.</param>
    public RpcException(RpcStatus status, string message, Exception? inner = null)
        : base(message, inner)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(status, RpcStatus.Ok);
        Status = status;
    }

    /// <summary>How the call ended.</summary>
    public RpcStatus Status { get; }
}
