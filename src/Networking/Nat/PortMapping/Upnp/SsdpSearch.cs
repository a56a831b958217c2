using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>Searches for the gateway's UPnP device: over multicast, and straight at the gateway for networks that lose
/// multicast.</summary>
internal static class SsdpSearch
{
    private static readonly IPAddress Group = IPAddress.Parse("239.255.255.250");

    /// <summary>Where the gateway describes itself, as it answers: addresses at the gateway itself only, each once, at most
    /// <see cref="PortMapperOptions.MaxSsdpAnswers"/>, for <see cref="PortMapperOptions.SsdpTimeout"/>.</summary>
    public static async IAsyncEnumerable<Uri> RunAsync(
        GatewayContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (context.LocalAddress() is not { } local || Open(context, local) is not { } socket)
        {
            yield break;
        }

        using (socket)
        {
            using var deadline = new Deadline(context.Options.SsdpTimeout, context.Time, cancellationToken);
            HashSet<Uri> seen = [];
            TimeSpan pause = context.Options.FirstRetryPause;
            for (int i = 0; i < context.Options.MaxTries && !deadline.Passed; i++, pause *= 2)
            {
                await SendAsync(context, socket, deadline.Token).ConfigureAwait(false);
                bool last = i == context.Options.MaxTries - 1;
                using var wait = new Deadline(last ? context.Options.SsdpTimeout : pause, context.Time, deadline.Token);
                while (seen.Count < context.Options.MaxSsdpAnswers
                    && await ReceiveAsync(context, socket, wait.Token).ConfigureAwait(false) is { } location)
                {
                    if (seen.Add(location))
                    {
                        yield return location;
                    }
                }

                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private static Socket? Open(GatewayContext context, IPAddress local)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(local, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 2); // UDA 1.1, 1.3.2
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, local.GetAddressBytes());
            return socket;
        }
        catch (SocketException e)
        {
            PortMappingLog.NoAnswer(context.Log, context.Gateway, e.Message);
            socket.Dispose();
            return null;
        }
    }

    private static async Task SendAsync(GatewayContext context, Socket socket, CancellationToken cancellationToken)
    {
        foreach (IPAddress to in (IPAddress[])[context.Gateway, Group])
        {
            foreach (string target in SsdpCodec.Targets)
            {
                try
                {
                    await socket.SendToAsync(
                        SsdpCodec.WriteSearch(target), new IPEndPoint(to, context.Options.SsdpPort), cancellationToken)
                        .ConfigureAwait(false);
                }
                catch (SocketException e)
                {
                    PortMappingLog.NoAnswer(context.Log, context.Gateway, e.Message); // no multicast here: the other may do
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    // Null when the time is over.
    private static async Task<Uri?> ReceiveAsync(GatewayContext context, Socket socket, CancellationToken cancellationToken)
    {
        int maxBytes = context.Options.MaxSsdpAnswerBytes;
        byte[] buffer = new byte[maxBytes + 1]; // one more shows a datagram that is too long
        while (true)
        {
            try
            {
                SocketReceiveFromResult got = await socket
                    .ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), cancellationToken).ConfigureAwait(false);
                if (((IPEndPoint)got.RemoteEndPoint).Address.Equals(context.Gateway)
                    && SsdpCodec.TryReadLocation(buffer.AsSpan(0, got.ReceivedBytes), maxBytes, out Uri? location)
                    && LanAddress.MayFetch(location!, context.Gateway, context.Options))
                {
                    return location;
                }

                PortMappingLog.Ignored(context.Log, context.Gateway, "an answer to a UPnP search");
            }
            catch (SocketException e)
            {
                PortMappingLog.NoAnswer(context.Log, context.Gateway, e.Message); // too long, or ICMP: others may come
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }
}
