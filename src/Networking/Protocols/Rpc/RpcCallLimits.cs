namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>What a streamed call may take.</summary>
/// <param name="MaxMessageBytes">Longest message accepted.</param>
/// <param name="MaxStreamBytes">All accepted messages together.</param>
/// <param name="Timeout">Its time from now; infinite: no end.</param>
internal readonly record struct RpcCallLimits(int MaxMessageBytes, long MaxStreamBytes, TimeSpan Timeout);
