using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Protocols.Identify.Wire;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Identify;

/// <summary>Hostile identify exchanges against a whole node.</summary>
public sealed class IdentifyOverSwarmTests
{
    [Fact]
    public async Task A_peer_that_plants_protocols_in_pieces_gets_no_more_than_the_cap()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream push = await peer.OpenAsync(IdentifyService.PushId);

        for (int piece = 0; piece < 10; piece++)
        {
            var message = new IdentifyMessage();
            message.Protocols.AddRange(Enumerable.Range(0, 180).Select(i => $"/planted/{piece}/{i}"));
            await SendAsync(push, message);
        }

        await push.CloseWriteAsync(default);
        await Within.UntilAsync(() => node.GetPeerInfo(peer.Id)?.Protocols is not null, "the push is taken");

        Assert.Equal(IdentifyLimits.MaxProtocols, node.GetPeerInfo(peer.Id)!.Protocols!.Count);
    }

    [Fact]
    public async Task A_push_with_the_record_of_another_peer_costs_score_and_stores_nothing()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        using KeyPair victim = KeyPair.FromSeed(TestPeers.Seed(3));
        var invented = new PeerRecord(victim.PeerId, 1, [Multiaddr.Parse("/ip4/192.0.2.66/tcp/6")]);
        byte[] record = invented.Seal(victim).ToProtobuf();
        MuxedStream push = await peer.OpenAsync(IdentifyService.PushId);

        await SendAsync(
            push, new IdentifyMessage { SignedPeerRecord = ByteString.CopyFrom(record), Protocols = { "/planted" } });
        await push.CloseWriteAsync(default);

        await Assert.ThrowsAnyAsync<IOException>(() => push.ReadAsync(new byte[1], default).LimitAsync("the reset"));
        await Within.UntilAsync(() => node.GetPeerInfo(peer.Id)!.Score < 0, "the score falls");
        Assert.Null(node.GetPeerInfo(victim.PeerId));
        Assert.Null(node.GetPeerInfo(peer.Id)!.Protocols);
    }

    [Fact]
    public async Task A_message_too_long_is_refused_by_its_length()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream push = await peer.OpenAsync(IdentifyService.PushId);

        await push.WriteAsync(new byte[] { 0x81, 0x40 }, default); // 8193, and nothing after it

        await Assert.ThrowsAnyAsync<IOException>(() => push.ReadAsync(new byte[1], default).LimitAsync("the reset"));
        await Within.UntilAsync(() => node.GetPeerInfo(peer.Id)!.Score < 0, "the score falls");
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_cut_by_a_total_deadline_and_the_connection_lives()
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Timeouts = o.Timeouts with { Identify = TimeSpan.FromMilliseconds(300) },
        });
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        (_, MuxedStream asked) = await peer.AcceptAsync();
        Task reading = ReadToEndAsync(asked);

        while (!reading.IsCompleted)
        {
            try
            {
                // an empty message every so often: no idle limit would fire
                await asked.WriteAsync(new byte[] { 0 }, default);
                await Task.Delay(TimeSpan.FromMilliseconds(60)); // the drip is what is tested
            }
            catch (IOException)
            {
                break;
            }
        }

        await Assert.ThrowsAnyAsync<IOException>(() => reading.LimitAsync("the reset"));
        Assert.False(peer.Session.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_peer_that_comes_back_while_its_old_connection_is_dead_is_noticed()
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Timeouts = o.Timeouts with { Identify = TimeSpan.FromMilliseconds(300) },
        });
        await using RawPeer dead = await RawPeer.DialAsync(node, 2); // answers nothing
        await Within.UntilAsync(() => node.Connections.Count == 1, "the first connection");

        await using RawPeer again = await RawPeer.DialAsync(node, 2);

        await dead.Session.Completion.LimitAsync("the dead one is closed");
        Assert.False(again.Session.Completion.IsCompleted);
    }

    private static async Task SendAsync(MuxedStream stream, IdentifyMessage message)
    {
        byte[] body = message.ToByteArray();
        byte[] frame = new byte[body.Length + Uvarint.MaxBytes];
        int prefix = Uvarint.Write(frame, (ulong)body.Length);
        body.CopyTo(frame, prefix);
        await stream.WriteAsync(frame.AsMemory(0, prefix + body.Length), default).LimitAsync("sending");
    }

    private static async Task ReadToEndAsync(MuxedStream stream)
    {
        while (await stream.ReadAsync(new byte[256], default) > 0)
        {
        }
    }
}
