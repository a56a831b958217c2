using System.Text.Json.Nodes;

namespace P2PLearn.NatLab.Tests;

/// <summary>The test peer itself, and what a swarm does behind a NAT with nobody's help.</summary>
public sealed class PeerTests
{
    [Fact]
    public async Task A_peer_behind_a_NAT_reaches_a_public_one_which_sees_its_mapping()
    {
        await using Laboratory laboratory = await Laboratory.UpAsync("A=port-restricted");
        HostProcess relay = await laboratory.StartPeerAsync("relay", "--listen", "/ip4/0.0.0.0/tcp/4001");
        HostProcess inside = await laboratory.StartPeerAsync("a1", "--listen", "/ip4/0.0.0.0/tcp/4002");
        string address = $"/ip4/{laboratory["relay"].Address}/tcp/4001/p2p/{relay.Peer}";
        Assert.Equal(relay.Peer, (string?)await inside.AskAsync($"connect {address}"));
        JsonObject opened = await inside.EventAsync("opened");
        Assert.Equal("Direct", (string?)opened["path"]);
        Assert.True((double)(await inside.AskAsync($"ping {relay.Peer}"))! > 0);
        Assert.Equal(300_000, (long)(await inside.AskAsync($"echo {relay.Peer} 100000 3"))!);
        JsonObject accepted = await relay.EventAsync("opened");
        Assert.Equal($"/ip4/{laboratory["natA"].Address}/tcp/4002", (string?)accepted["remote"]);
        await inside.AskAsync($"disconnect {relay.Peer}");
        await relay.EventAsync("closed");
    }
}
