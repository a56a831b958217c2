using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Dials one address until there is a link.</summary>
/// <remarks>
/// A dial without an answer is left to the kernel, which sends its second SYN after one second. Closing it for a fresh one
/// sooner looks faster and is not: the SYN of a new socket has another sequence number, which routers that saw both first
/// SYNs take for an attack on that connection. Only a dial that was refused is made anew.
/// </remarks>
/// <param name="network">Dials.</param>
/// <param name="options">The pauses.</param>
internal sealed class PunchDial(ISwarmNetwork network, DcutrOptions options)
{
    /// <summary>Dials until there is a link.</summary>
    /// <exception cref="OperationCanceledException">The token fired first. A link that was half made then is waited for
    /// and returned.</exception>
    public async Task<ITransportLink> RunAsync(
        Multiaddr address, DialOrigin origin, CancellationToken cancellationToken)
    {
        TimeSpan pause = options.MinRedialPause;
        while (true)
        {
            try
            {
                return await network.DialLinkAsync(address, origin, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException)
            {
                await Task.Delay(pause, network.Time, cancellationToken).ConfigureAwait(false);
            }

            pause = pause * 2 < options.MaxRedialPause ? pause * 2 : options.MaxRedialPause;
        }
    }
}
