using System.Globalization;
using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>Bare sockets in a host.</summary>
public sealed class Probe(HostProcess process, LabHost host)
{
    /// <summary>How long an answer may take on a loaded machine.</summary>
    private const int AnswerMilliseconds = 10_000;

    /// <summary>How long silence is listened to; a refusal would come at once.</summary>
    private const int SilenceMilliseconds = 500;

    private static int _sent;

    public string Address => host.Address;

    public string? Address6 => host.Address6;

    public static async Task<Probe> StartAsync(Laboratory laboratory, string host) =>
        new(await laboratory.StartProbeAsync(host), laboratory[host]);

    public Task BindUdpAsync(int port) => process.AskAsync($"udp-bind {port}");

    public Task ListenTcpAsync(int port) => process.AskAsync($"tcp-listen {port}");

    /// <summary>Sends a datagram whose text nobody else sends, and returns the text.</summary>
    public async Task<string> SendUdpAsync(int port, string to)
    {
        string text = "m" + Interlocked.Increment(ref _sent).ToString(CultureInfo.InvariantCulture);
        await process.AskAsync($"udp-send {port} {to} {text}");
        return text;
    }

    /// <summary>Awaits a datagram and returns where it seems to come from.</summary>
    public async Task<string> UdpArrivesAsync(string text)
    {
        JsonObject datagram = await process.EventAsync(e => (string?)e["event"] == "datagram" && (string?)e["text"] == text, $"datagram {text}");
        return (string)datagram["from"]!;
    }

    public bool HasGot(string text) => process.Events.Any(e => (string?)e["event"] == "datagram" && (string?)e["text"] == text);

    /// <summary>Dials, and checks that somebody or nobody answers; nobody: not even with a refusal.</summary>
    public async Task DialTcpAsync(int fromPort, string to, bool answered) => Assert.Equal(
        answered ? "connected" : "silence",
        await DialTcpAsync(fromPort, to, answered ? AnswerMilliseconds : SilenceMilliseconds));

    /// <summary>Dials, and says <c>connected</c>, <c>silence</c>, or the socket's error.</summary>
    public async Task<string> DialTcpAsync(int fromPort, string to, int limitMilliseconds) =>
        (string)(await process.AskAsync($"tcp-dial {fromPort} {to} {limitMilliseconds}"))!;

    /// <summary>Where the accepted connections of a port come from, in order.</summary>
    public async Task<string> AcceptedAsync(int port, int index)
    {
        int seen = 0;
        JsonObject accepted = await process.EventAsync(
            e => (string?)e["event"] == "accepted" && (int?)e["port"] == port && seen++ == index, $"connection {index} to port {port}");
        return (string)accepted["from"]!;
    }
}
