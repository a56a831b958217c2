using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

/// <summary>A peer that asks for hole punches and means none.</summary>
public sealed class HolePuncherHostileTests : IAsyncLifetime
{
    private static readonly DcutrOptions Brief = new()
    {
        AttemptTimeout = TimeSpan.FromMilliseconds(300),
        MessageTimeout = TimeSpan.FromMilliseconds(300),
    };

    private readonly NatWorld _world = new();
    private Node _stranger = null!;

    public async ValueTask InitializeAsync()
    {
        NatWorld.Host host = _world.AddHost(66, NatWorld.NatKind.PortRestricted);
        _stranger = Swarms.Create(66, o => o with { Transports = [host] });
        await _stranger.ListenAsync(host.Address, default).LimitAsync("listening");
    }

    public ValueTask DisposeAsync() => _stranger.DisposeAsync();

    [Fact]
    public async Task Nobody_makes_us_dial_more_than_so_many_hosts_or_private_ones()
    {
        await using Puncher victim = await VictimAsync(Brief);
        Multiaddr[] targets =
        [
            Multiaddr.Parse("/ip4/10.0.0.1/tcp/22"),
            Multiaddr.Parse("/ip4/127.0.0.1/tcp/22"),
            Multiaddr.Parse("/ip4/169.254.169.254/tcp/80"),
            .. Enumerable.Range(1, 50).Select(i => Multiaddr.Parse($"/ip4/12.0.0.{i}/tcp/25")),
        ];
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        await SayAsync(stream, DcutrMessage.Connect(targets));
        await HearAsync(stream);
        await SayAsync(stream, DcutrMessage.Sync);
        Assert.Null(await HearAsync(stream));
        await Within.UntilAsync(() => _world.Dials.Count > 0 && _world.PendingCount == 0, "the attempt is over");

        IEnumerable<IPEndPoint> dialled = _world.Dials.Select(d => d.To).Distinct();
        Assert.Equal(
            Enumerable.Range(1, Brief.MaxAddresses).Select(i => $"12.0.0.{i}:25"), dialled.Select(d => d.ToString()).OrderBy(d => d.Length).ThenBy(d => d));
        Assert.InRange(_world.Dials.Count, 1, Brief.MaxAddresses * 3);
    }

    [Fact]
    public async Task Streams_on_direct_connections_are_refused()
    {
        await using Puncher victim = await VictimAsync(Brief, NatWorld.NatKind.Open);
        await _stranger.ConnectAsync(victim.Host.PublicAddress.WithPeerId(victim.Id), default).LimitAsync("connecting");
        SwarmConnection direct = _stranger.Network.ConnectionsOf(victim.Id).Single();
        await using SwarmStream stream = await OpenAsync(direct);
        await SayAsync(stream, DcutrMessage.Connect([Multiaddr.Parse("/ip4/12.0.0.1/tcp/25")]));

        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(stream));
    }

    [Fact]
    public async Task A_peer_that_asks_too_often_is_refused()
    {
        await using Puncher victim = await VictimAsync(Brief with { ExchangeBurst = 2 });
        SwarmConnection relayed = await RelayAsync(victim);
        for (int i = 0; i < 2; i++)
        {
            await using SwarmStream stream = await OpenAsync(relayed);
            await SayAsync(stream, DcutrMessage.Connect([]));
            Assert.NotNull(await HearAsync(stream));
        }

        await using SwarmStream third = await OpenAsync(relayed);
        await SayAsync(third, DcutrMessage.Connect([]));
        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(third));
    }

    [Fact]
    public async Task Only_so_many_are_answered_at_once()
    {
        await using Puncher victim = await VictimAsync(new DcutrOptions { MaxAnsweredAtOnce = 1 });
        SwarmConnection relayed = await RelayAsync(victim);
        await using SwarmStream first = await OpenAsync(relayed);
        await SayAsync(first, DcutrMessage.Connect([]));
        Assert.NotNull(await HearAsync(first)); // and no SYNC

        await using SwarmStream second = await OpenAsync(relayed);
        await SayAsync(second, DcutrMessage.Connect([]));
        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(second));
    }

    [Fact]
    public async Task A_message_out_of_turn_costs_score_and_dials_nothing()
    {
        await using Puncher victim = await VictimAsync(Brief);
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        await SayAsync(stream, DcutrMessage.Sync);

        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(stream));
        await Within.UntilAsync(() => victim.Node.GetPeerInfo(_stranger.LocalPeer)!.Score < 0, "the score falls");
        Assert.Empty(_world.Dials);
    }

    [Fact]
    public async Task A_message_too_long_is_refused_by_its_length()
    {
        await using Puncher victim = await VictimAsync(Brief);
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        await stream.WriteAsync(new byte[] { 0x81, 0x20 }, default); // 4097

        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(stream));
        await Within.UntilAsync(() => victim.Node.GetPeerInfo(_stranger.LocalPeer)!.Score < 0, "the score falls");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_is_silent_is_left(bool afterConnect)
    {
        await using Puncher victim = await VictimAsync(Brief);
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        if (afterConnect)
        {
            await SayAsync(stream, DcutrMessage.Connect([Multiaddr.Parse("/ip4/12.0.0.1/tcp/25")]));
            Assert.NotNull(await HearAsync(stream));
        }
        else
        {
            await stream.WriteAsync(new byte[] { 0x05 }, default); // the length, and nothing behind it
        }

        await Assert.ThrowsAnyAsync<IOException>(() => HearAsync(stream));
        Assert.Empty(_world.Dials);
    }

    [Theory]
    [InlineData(66, "Direct")] // its neighbour behind the same router
    [InlineData(67, "Direct")] // somebody else, whose very address the stranger told
    public async Task A_hole_punch_that_a_stranger_asked_for_does_not_get_in_the_way_of_others(int net, string path)
    {
        await using Puncher victim = await VictimAsync(new DcutrOptions(), NatWorld.NatKind.Open);
        NatWorld.Host host = _world.AddHost(67, NatWorld.NatKind.PortRestricted, net);
        await using Node other = Swarms.Create(67, o => o with { Transports = [host] });
        await other.ListenAsync(host.Address, default).LimitAsync("listening");
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        string told = net == 67 ? "/ip4/11.0.0.67/tcp/4001" : "/ip4/11.0.0.66/tcp/4999";
        await SayAsync(stream, DcutrMessage.Connect([Multiaddr.Parse(told)]));
        Assert.NotNull(await HearAsync(stream));

        await other.ConnectAsync(victim.Host.PublicAddress.WithPeerId(victim.Id), default).LimitAsync("the other connects");

        await Within.UntilAsync(() => victim.Node.ConnectedPeers.Contains(other.LocalPeer), "the victim has the other");
        Assert.Equal(path, victim.Node.Connections.Single(c => c.Peer == other.LocalPeer).Path.ToString());
    }

    [Fact]
    public async Task A_peer_that_dials_instead_of_saying_when_has_dialled_back()
    {
        await using Puncher victim = await VictimAsync(new DcutrOptions(), NatWorld.NatKind.Open);
        await using SwarmStream stream = await OpenAsync(await RelayAsync(victim));
        await SayAsync(stream, DcutrMessage.Connect([Multiaddr.Parse("/ip4/11.0.0.66/tcp/4001")]));
        Assert.NotNull(await HearAsync(stream));

        ITransportLink link = await _stranger.Network.DialLinkAsync(victim.Host.PublicAddress, DialOrigin.Preferred, default);
        LinkTerms terms = LinkTerms.Outbound(ConnectionPath.Reversed, victim.Id);
        await _stranger.Network.AdoptAsync(link, terms, default).LimitAsync("the handshakes");

        await Within.UntilAsync(() => victim.Node.Connections.Any(c => c.Path == ConnectionPath.Reversed), "the victim has it");
        await Within.UntilAsync(() => victim.Reports.Any(r => r.Outcome == HolePunchOutcome.Reversed), "it is reported");
    }

    [Fact]
    public async Task An_answer_that_breaks_the_rules_ends_the_try_as_one_without_a_stream()
    {
        await using Puncher victim = await VictimAsync(Brief);
        using IDisposable rude = _stranger.Network.Handle(
            DcutrOptions.Protocol,
            async (stream, ct) =>
            {
                await stream.WriteAsync(new byte[] { 0x03, 0x08, 0xac, 0x02 }, ct); // SYNC, where CONNECT is due
                await stream.CopyToAsync(Stream.Null, ct);
            },
            2);
        await RelayAsync(victim);

        HolePunchReport report = await victim.ReportAsync();

        Assert.Equal(HolePunchOutcome.NoStream, report.Outcome);
        Assert.True(victim.Node.GetPeerInfo(_stranger.LocalPeer)!.Score < 0);
    }

    [Fact]
    public async Task A_peer_that_does_not_speak_it_is_left_on_the_relay()
    {
        await using Puncher victim = await VictimAsync(new DcutrOptions());
        await RelayAsync(victim);

        Assert.Equal(HolePunchOutcome.NoStream, (await victim.ReportAsync()).Outcome);
        Assert.True(victim.Node.Connections.Single().IsRelayed);
    }

    private Task<Puncher> VictimAsync(DcutrOptions options, NatWorld.NatKind kind = NatWorld.NatKind.PortRestricted) =>
        Puncher.StartAsync(_world.AddHost(1, kind), 1, options);

    private async Task<SwarmConnection> RelayAsync(Puncher victim) => await Puncher.DialOverRelayAsync(_stranger, victim);

    private static async Task<SwarmStream> OpenAsync(SwarmConnection connection) =>
        await connection.OpenStreamAsync(DcutrOptions.Protocol, optimistic: true, default).LimitAsync("a stream");

    private static Task SayAsync(SwarmStream stream, DcutrMessage message) =>
        FramedWriter.WriteAsync(stream, message.ToProtobuf(), default).LimitAsync("writing");

    /// <summary>The next message; null when the stream ends.</summary>
    private static async Task<DcutrMessage?> HearAsync(SwarmStream stream)
    {
        using var reader = new FramedReader(stream, DcutrOptions.MaxMessageBytes);
        return await reader.ReadAsync(default).LimitAsync("a message") is { } bytes
            ? DcutrMessage.Parse(bytes.Span, DcutrMessageKind.Connect)
            : null;
    }
}
