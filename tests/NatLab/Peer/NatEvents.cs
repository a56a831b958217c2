using System.Text.Json.Nodes;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Dcutr;

namespace P2PLearn.NatPeer;

/// <summary>What NAT traversal says, as events.</summary>
internal static class NatEvents
{
    public static void Subscribe(NatService nat, EventWriter events)
    {
        nat.Changed += status => events.Write("nat", ("status", Describe(status)));
        nat.HolePunched += report => Write(report, events);
    }

    public static JsonObject Describe(NatStatus status) => new()
    {
        ["reachability"] = status.Reachability.ToString(),
        ["mapping"] = status.Mapping.ToString(),
        ["filtering"] = status.Filtering.ToString(),
        ["addresses"] = new JsonArray([.. status.Addresses.Select(Describe)]),
        ["relays"] = new JsonArray([.. status.Relays.SelectMany(r => r.Addresses).Select(a => (JsonNode)a.ToString())]),
        ["relaying"] = status.Relaying is not { } relaying ? null : new JsonObject
        {
            ["active"] = relaying.IsActive,
            ["reservations"] = relaying.Reservations,
            ["circuits"] = relaying.Circuits,
            ["bytes"] = relaying.BytesRelayed,
        },
    };

    private static JsonObject Describe(AddressStatus address) => new()
    {
        ["address"] = address.Address.ToString(),
        ["source"] = address.Source.ToString(),
        ["reachability"] = address.Reachability.ToString(),
        ["observers"] = address.Observers,
        ["announced"] = address.Announced,
    };

    private static void Write(HolePunchReport report, EventWriter events) => events.Write(
        "punch",
        ("peer", report.Peer.ToString()),
        ("outcome", report.Outcome.ToString()),
        ("attempts", report.Attempts),
        ("elapsedMs", Math.Round(report.Elapsed.TotalMilliseconds, 1)),
        ("roundTripMs", report.RoundTrip?.TotalMilliseconds),
        ("message", report.Message));
}
