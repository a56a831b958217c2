using System.Globalization;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.NatPeer;

/// <summary>Asks the router for a port and tells each change, until the end of input.</summary>
internal static class PortMapProgram
{
    /// <param name="protocol">pcp, natpmp, upnp or all.</param>
    /// <param name="port">The TCP port of this host.</param>
    /// <param name="lifetime">Seconds asked for; checked every second.</param>
    /// <param name="events">Where it tells.</param>
    public static async Task RunAsync(string protocol, string port, string lifetime, EventWriter events)
    {
        var asked = TimeSpan.FromSeconds(int.Parse(lifetime, CultureInfo.InvariantCulture));
        var options = new PortMapperOptions
        {
            EnablePcp = protocol is "pcp" or "all",
            EnableNatPmp = protocol is "natpmp" or "all",
            EnableUpnp = protocol is "upnp" or "all",
            Lifetime = asked,
            UpnpLease = asked,
            CheckInterval = TimeSpan.FromSeconds(1),
            FirstSearchPause = TimeSpan.FromSeconds(1),
            MaxSearchPause = TimeSpan.FromSeconds(2),
        };
        events.Write("ready");
        using var loggers = new EventLogger(events, LogLevel.Debug);
        await using var mapper = new PortMapper(options, TimeProvider.System, loggers);
        mapper.Changed += () => Tell(mapper, events);
        mapper.Start(int.Parse(port, CultureInfo.InvariantCulture));
        await new CommandLoop(events, (verb, _, _) => throw new ArgumentException($"unknown command {verb}")).RunAsync(Console.In);
    }

    private static void Tell(PortMapper mapper, EventWriter events)
    {
        events.Write("problem", ("text", mapper.Problem));
        foreach (PortMapping mapping in mapper.Mappings)
        {
            events.Write(
                "mapping",
                ("protocol", mapping.Protocol.ToString()),
                ("external", $"{mapping.ExternalAddress}:{mapping.ExternalPort}"),
                ("expires", mapping.Expires.ToUnixTimeMilliseconds()));
        }
    }
}
