using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Dials one address again and again, so that a lost or early SYN is followed by another within a round trip
/// instead of after the kernel's second.</summary>
/// <remarks>
/// The pause is never shorter than a round trip: an answer on its way is not cut off. A dial that the remote's own SYN has
/// reached already finishes, though its pause is over (<see cref="TcpTransport"/>).
/// </remarks>
/// <param name="network">Dials.</param>
/// <param name="origin">From which port.</param>
/// <param name="pace">When a dial without an answer is made anew.</param>
internal sealed class PunchDial(ISwarmNetwork network, DialOrigin origin, RedialPace pace)
{
    /// <summary>Dials until there is a link.</summary>
    /// <exception cref="OperationCanceledException">The token fired first.</exception>
    public async Task<ITransportLink> RunAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        TimeSpan pause = pace.First;
        while (true)
        {
            using var turn = new Deadline(pause, network.Time, cancellationToken);
            try
            {
                ITransportLink link = await network.DialLinkAsync(address, origin, turn.Token).ConfigureAwait(false);
                if (!cancellationToken.IsCancellationRequested)
                {
                    return link;
                }

                link.Abort();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // No answer: the next SYN goes at once.
            }
            catch (IOException)
            {
                await Task.Delay(pace.AfterRefusal, network.Time, cancellationToken).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            pause = pace.Next(pause);
        }
    }
}

/// <summary>Pauses between the dials of one address. Pure.</summary>
/// <param name="First">Of the first dial.</param>
/// <param name="Longest">Each waits half as long again as the one before, up to this.</param>
internal readonly record struct RedialPace(TimeSpan First, TimeSpan Longest)
{
    /// <summary>After a dial that failed at once: refused by a router, or its pair of addresses is still taken.</summary>
    public TimeSpan AfterRefusal => First / 2;

    /// <summary>For a round trip over the relay, which is about the direct one or longer.</summary>
    public static RedialPace For(TimeSpan roundTrip, DcutrOptions options) => new(
        roundTrip > options.MaxRedialPause ? options.MaxRedialPause
        : roundTrip > options.MinRedialPause ? roundTrip
        : options.MinRedialPause,
        options.MaxRedialPause);

    /// <summary>The pause after this one.</summary>
    public TimeSpan Next(TimeSpan pause) => pause * 1.5 < Longest ? pause * 1.5 : Longest;
}
