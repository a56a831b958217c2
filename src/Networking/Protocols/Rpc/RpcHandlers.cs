using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Answers a unary call. Throw <see cref="RpcException"/> for any status but Ok; other exceptions become Internal.</summary>
/// <param name="request">Who asks what; its body is valid until the answer was sent.</param>
/// <param name="cancellationToken">Fires when the caller gives up, its time is over, or it is lost.</param>
/// <returns>The answer; the endpoint disposes it.</returns>
public delegate ValueTask<RpcPayload> RpcUnaryHandler(RpcRequest request, CancellationToken cancellationToken);

/// <summary>Serves a streamed call: reads and writes messages; returning ends the call with Ok.</summary>
/// <param name="call">The call; valid until the task ends.</param>
/// <param name="cancellationToken">Fires when the caller gives up, its time is over, or it is lost.</param>
public delegate Task RpcStreamHandler(RpcCall call, CancellationToken cancellationToken);

/// <summary>A unary request.</summary>
/// <param name="Peer">Who asks, as the connection's handshake proved.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Body">The request's bytes, untrusted.</param>
/// <param name="Timeout">The time that was left when the request arrived.</param>
public readonly record struct RpcRequest(PeerId Peer, string Method, ReadOnlyMemory<byte> Body, TimeSpan Timeout);

/// <summary>A method under its name; exactly one of the handlers is set.</summary>
internal sealed record RpcMethod(string Name, RpcUnaryHandler? Unary, RpcStreamHandler? Streamed, RpcMethodOptions Options);
