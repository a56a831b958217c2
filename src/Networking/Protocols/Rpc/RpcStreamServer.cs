namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Our end of a stream on which the peer makes one streamed call after another.</summary>
internal sealed class RpcStreamServer(RpcServer server, RpcCallStream stream)
{
    /// <summary>Serves calls until the caller closes the stream.</summary>
    /// <param name="open">The first frame.</param>
    /// <param name="cancellationToken">This node stops.</param>
    /// <exception cref="ProtocolViolationException">The caller broke a rule.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task RunAsync(RpcFrame open, CancellationToken cancellationToken)
    {
        RpcFrame? next = open;
        while (next is { } frame)
        {
            if (frame.Kind != RpcFrameKind.Open)
            {
                throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} where a streamed call begins");
            }

            string name = await stream.ReadNameAsync(frame, cancellationToken).ConfigureAwait(false);
            if (!await ServeAsync(name, frame, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            next = await stream.TakeAheadAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Serves one call.</summary>
    /// <returns>True when the stream can carry another.</returns>
    private async Task<bool> ServeAsync(string name, RpcFrame open, CancellationToken cancellationToken)
    {
        RpcMethod? method = server.FindMethod(name);
        var limits = new RpcCallLimits(
            method?.Options.MaxRequestBytes ?? 0, method?.Options.MaxStreamBytes ?? 0, server.TimeoutOf(open.TimeoutMs));
        var call = new RpcCall(stream, name, limits, server.Time, release: null);
        await using (call.ConfigureAwait(false))
        {
            stream.LookAhead();
            try
            {
                RpcException? failure = await RunHandlerAsync(method, call).ConfigureAwait(false);
                await EndAsync(call, failure, cancellationToken).ConfigureAwait(false);
                return call.IsComplete || await DrainAsync(call).ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or RpcException or OperationCanceledException)
            {
                return call.Failure?.InnerException is ProtocolViolationException violation ? throw violation : false;
            }
        }
    }

    private static ValueTask EndAsync(RpcCall call, RpcException? failure, CancellationToken cancellationToken) =>
        failure is null ? call.EndAsync(cancellationToken) : call.EndAsync(failure);

    private async Task<RpcException?> RunHandlerAsync(RpcMethod? method, RpcCall call)
    {
        if (method?.Streamed is null)
        {
            return new RpcException(RpcStatus.NotFound, $"no streamed method {call.Method}");
        }

        if (!server.TryEnter())
        {
            return new RpcException(RpcStatus.ResourceExhausted, "too many calls at once");
        }

        try
        {
            await method.Streamed(call, call.Over).ConfigureAwait(false);
            return null;
        }
        catch (Exception error)
        {
            bool isOverdue = call.Failure is RpcException { Status: RpcStatus.DeadlineExceeded };
            return server.ToFailure(method, call.Peer, isOverdue, error);
        }
        finally
        {
            server.Leave();
        }
    }

    /// <summary>What the caller said after the answer is read and dropped for a while.</summary>
    private async Task<bool> DrainAsync(RpcCall call)
    {
        using var limit = new CancellationTokenSource(server.Options.DrainTimeout, server.Time);
        await call.DrainAsync(limit.Token).ConfigureAwait(false);
        return true;
    }
}
