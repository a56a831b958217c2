using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;
using Link = P2PLearn.Actors.Tests.Remoting.TransportNode.Link;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>An association outlives its streams.</summary>
public sealed class ResumeTests
{
    private static readonly P2PTransportOptions Short = new() { ResumeLimit = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public async Task A_hundred_thousand_messages_across_fifty_breaks_arrive_once_and_in_order()
    {
        const int Total = 100_000, Breaks = 50;
        P2PTransportOptions options = new() { MaxResumesPerMinute = 10_000, MaxInboundBytesPerSecond = 100_000_000, MaxResumePause = TimeSpan.FromMilliseconds(10) };
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0, options);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, options);
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);

        Task sending = Task.WhenAll(near.SendAsync(0, Total), far.SendAsync(0, Total));
        for (int i = 1; i <= Breaks; i++)
        {
            await far.ReceivedAsync(i * (Total / (Breaks + 1)));
            fabric.Disconnect(TestPeers.Id(0), TestPeers.Id(1));
        }

        await sending.LimitAsync("all to be sent");
        await Task.WhenAll(near.ReceivedAsync(Total), far.ReceivedAsync(Total));

        Assert.Null(near.Wrong);
        Assert.Null(far.Wrong);
        Assert.Equal((Total, Total), (near.Received, far.Received));
        Assert.Equal(0, near.Disassociations + far.Disassociations);
        Assert.Equal((1, 1), (a.Counters.Opened, b.Counters.Opened));
        Assert.Equal(0, a.Counters.Lost + b.Counters.Lost);
        Assert.InRange(a.Counters.Broken, Breaks / 5, 2 * Breaks); // a break that hits the next handshake is no new one
        Assert.Empty(a.Node.Penalties);
        Assert.Empty(b.Node.Penalties);
    }

    [Fact]
    public async Task A_better_path_is_taken_without_a_break_and_without_losing_a_frame()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1);
        fabric.AddNode(2);
        fabric.Block(TestPeers.Id(0), TestPeers.Id(1));
        fabric.EnableRelays();
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);
        Assert.Equal(TestPeers.Id(2), fabric.RelayOf(TestPeers.Id(0), TestPeers.Id(1)));

        Task sending = Task.WhenAll(near.SendAsync(0, 20_000), far.SendAsync(0, 20_000));
        await far.ReceivedAsync(5000);
        fabric.GoDirect(TestPeers.Id(0), TestPeers.Id(1));
        await sending.LimitAsync("all to be sent");
        await Task.WhenAll(near.ReceivedAsync(20_000), far.ReceivedAsync(20_000));

        Assert.Null(near.Wrong);
        Assert.Null(far.Wrong);
        Assert.Equal((1, 1), (a.Counters.Resumed, b.Counters.Resumed));
        Assert.Equal(0, a.Counters.Broken);
        Assert.Equal(0, near.Disassociations + far.Disassociations);
        await Within.UntilAsync(() => fabric.OpenStreamCount(TestPeers.Id(0), TestPeers.Id(1)) == 1, "the relayed stream is given up");
    }

    [Fact]
    public async Task The_side_that_cannot_dial_goes_on_once_the_other_has_connected()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1);
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);
        fabric.BlockDial(TestPeers.Id(0), TestPeers.Id(1));

        fabric.Disconnect(TestPeers.Id(0), TestPeers.Id(1));
        await Within.UntilAsync(() => a.Counters.Broken == 1, "the break is seen");
        Assert.True(near.Handle.Write(Google.Protobuf.ByteString.CopyFrom([0x80, 0, 0, 0])));
        fabric.Connect(TestPeers.Id(1), TestPeers.Id(0));

        await far.ReceivedAsync(1);
        Assert.Equal(0, near.Disassociations + far.Disassociations);
    }

    [Fact]
    public async Task Both_sides_are_told_when_the_connection_does_not_come_back_within_the_limit()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0, Short);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, Short);
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);

        fabric.Cut(TestPeers.Id(0), TestPeers.Id(1));

        await Within.UntilAsync(() => near.Disassociations == 1 && far.Disassociations == 1, "both are told");
        Assert.Equal((1, 1), (a.Counters.Lost, b.Counters.Lost));
        Assert.Equal((0, 0), (a.Counters.Resumed, b.Counters.Resumed));
    }

    [Fact]
    public async Task A_close_by_intent_is_told_at_once_and_nobody_waits_for_a_resume()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1);
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);
        await near.SendAsync(0, 100);

        ((P2PAssociation)near.Handle).BeginClose();

        await Within.UntilAsync(() => near.Disassociations == 1 && far.Disassociations == 1, "both are told");
        Assert.Equal(100, far.Received);
        Assert.Equal(0, b.Counters.Broken + b.Counters.Lost);
    }

    [Fact]
    public async Task What_was_sent_before_a_close_is_read_on_a_slow_link_though_the_other_side_is_writing()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1);
        (Link near, Link far) = await TransportNode.LinkAsync(a, b);
        fabric.Slow(TestPeers.Id(0), TestPeers.Id(1), TimeSpan.FromMilliseconds(200));

        await near.SendAsync(0, 100);
        ((P2PAssociation)near.Handle).BeginClose();
        while (far.Disassociations == 0 && far.Handle.Write(Google.Protobuf.ByteString.CopyFrom([0x80, 0, 0, 0])))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        await Within.UntilAsync(() => near.Disassociations == 1 && far.Disassociations == 1, "both are told");
        Assert.Equal(100, far.Received);
        Assert.Equal(0, b.Counters.Broken + b.Counters.Lost);
    }

    [Fact]
    public async Task A_close_waits_no_longer_than_the_limit_for_a_peer_that_never_gives_the_stream_up()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0, new P2PTransportOptions { FlushLimit = TimeSpan.FromMilliseconds(100) });
        await using RawPeer raw = new(fabric, TestPeers.Id(0));
        await raw.OpenAsync(AssociationId.Create());
        Link link = await a.AcceptAsync();

        ((P2PAssociation)link.Handle).BeginClose();

        await Within.UntilAsync(() => link.Disassociations == 1, "the association is over");
    }

    [Fact]
    public async Task A_queue_that_waits_for_a_stream_is_bounded()
    {
        P2PTransportOptions options = new() { MaxQueuedBytes = 64 * 1024, MaxQueuedFrames = 64 };
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0, options);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, options);
        (Link near, _) = await TransportNode.LinkAsync(a, b);
        fabric.Cut(TestPeers.Id(0), TestPeers.Id(1));
        await Within.UntilAsync(() => a.Counters.Broken == 1, "the break is seen");

        int taken = 0;
        while (taken < 1000 && near.Handle.Write(Google.Protobuf.ByteString.CopyFrom(new byte[100])))
        {
            taken++;
        }

        Assert.InRange(taken, 32, 64);
        Assert.Equal(1, a.Counters.RefusedWrites);
    }

    [Fact]
    public async Task A_peer_that_was_restarted_does_not_know_the_association()
    {
        await using Fabric fabric = new();
        await using TransportNode a = await TransportNode.StartAsync(fabric, 0);
        TransportNode b = await TransportNode.StartAsync(fabric, 1);
        (Link near, _) = await TransportNode.LinkAsync(a, b);

        await b.Node.DisposeAsync();
        await using TransportNode again = await TransportNode.StartAsync(fabric, 1);

        await Within.UntilAsync(() => near.Disassociations == 1, "the opener is told");
        Assert.Equal(1, again.Counters.RefusedResumes);
        Assert.Empty(again.Inbound);
        Assert.Empty(again.Node.Penalties);
        await b.DisposeAsync();
    }

    [Fact]
    public async Task An_association_that_waits_ends_when_its_opener_turns_out_to_be_restarted()
    {
        P2PTransportOptions patient = new() { ResumeLimit = TimeSpan.FromMinutes(10) };
        await using Fabric fabric = new();
        TransportNode a = await TransportNode.StartAsync(fabric, 0);
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, patient);
        (_, Link far) = await TransportNode.LinkAsync(a, b);
        await a.Node.DisposeAsync();
        await using TransportNode again = await TransportNode.StartAsync(fabric, 0);

        await again.AssociateAsync(TestPeers.Id(1), uid: 78);

        await Within.UntilAsync(() => far.Disassociations == 1, "the old association is over");
        await b.AcceptAsync();
        await a.DisposeAsync();
    }

    [Fact]
    public async Task One_that_waits_makes_room_when_its_peer_opens_more_than_it_may_have()
    {
        P2PTransportOptions two = new() { MaxInboundPerPeer = 2, ResumeLimit = TimeSpan.FromMinutes(10) };
        await using Fabric fabric = new();
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, two);
        await using RawPeer raw = new(fabric, TestPeers.Id(1));
        Link[] links = new Link[2];
        for (int i = 0; i < 2; i++)
        {
            await raw.OpenAsync(AssociationId.Create());
            links[i] = await b.AcceptAsync();
        }

        fabric.Disconnect(raw.Node.LocalPeer, TestPeers.Id(1));
        await Within.UntilAsync(() => b.Counters.Broken == 2, "both wait");
        await raw.OpenAsync(AssociationId.Create());
        await b.AcceptAsync();

        Assert.Equal(1, links.Sum(link => link.Disassociations));
    }

    [Fact]
    public async Task A_peer_that_never_acknowledges_is_given_up_once_the_queue_is_full()
    {
        P2PTransportOptions options = new() { MaxQueuedBytes = 64 * 1024, AckLimit = TimeSpan.FromMilliseconds(200) };
        await using Fabric fabric = new();
        await using TransportNode b = await TransportNode.StartAsync(fabric, 1, options);
        await using RawPeer raw = new(fabric, TestPeers.Id(1));
        PeerStream stream = await raw.OpenAsync(AssociationId.Create());
        Task drain = RawPeer.ReadToEndAsync(stream);
        Link link = await b.AcceptAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => link.SendAsync(0, int.MaxValue, 1000)).LimitAsync("the association to end");

        Assert.Equal(1, b.Counters.Lost);
        await Record.ExceptionAsync(() => drain);
    }
}
