using System.Text;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Negotiation;

public sealed class MultistreamSelectTests
{
    private static readonly PeerId Remote = PeerId.Parse("12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz");
    private static readonly ProtocolId Echo = new("/echo/1.0.0");
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLink _dialerLink;
    private readonly MemoryLink _listenerLink;
    private readonly MultistreamSelect _multistream;

    public MultistreamSelectTests()
    {
        (_dialerLink, _listenerLink) = MemoryLink.CreatePair();
        _multistream = new MultistreamSelect(new MultistreamOptions(), _time);
    }

    [Fact]
    public async Task Links_agree_on_one_of_several_protocols()
    {
        Task<(string Protocol, ILink Link)> accepting = _multistream.AcceptAsync(_listenerLink, name => name == "/noise", default);
        (string protocol, ILink link) = await _multistream.SelectAsync(_dialerLink, ["/tls/1.0.0", "/noise"], default).Time();
        (string accepted, ILink other) = await accepting.Time();
        Assert.Equal(("/noise", "/noise"), (protocol, accepted));
        Assert.Same(_dialerLink, link); // nothing was read beyond the echo: no wrapper
        await link.WriteAsync("hi"u8.ToArray(), default);
        Assert.Equal("hi", await ReadAsync(other, 2));
    }

    [Fact]
    public async Task A_link_without_a_common_protocol_is_a_typed_failure()
    {
        Task accepting = _multistream.AcceptAsync(_listenerLink, _ => false, default);
        var failure = await Assert.ThrowsAsync<UpgradeException>(
            () => _multistream.SelectAsync(_dialerLink, ["/a", "/b"], default).Time());
        Assert.Equal(EndReason.ProtocolNotSupported, failure.Reason);
        await _dialerLink.DisposeAsync();
        Assert.Equal(EndReason.ClosedByRemote, (await Assert.ThrowsAsync<UpgradeException>(() => accepting.Time())).Reason);
    }

    [Fact]
    public async Task An_optimistic_request_and_its_answer_take_one_write_each_way()
    {
        var dialer = new LinkStream(_dialerLink);
        var listener = new LinkStream(_listenerLink);
        MuxedStream stream = _multistream.Propose(dialer, Remote, Echo);
        Assert.Empty(dialer.Writes);
        await stream.WriteAsync("ping"u8.ToArray(), default);
        Assert.EndsWith("ping", Encoding.UTF8.GetString(Assert.Single(dialer.Writes)));

        (ProtocolId protocol, MuxedStream served) = await _multistream.AcceptAsync(listener, Remote, id => id == Echo, default).Time();
        Assert.Equal(Echo, protocol);
        Assert.Single(listener.Writes); // header and echo together
        Assert.Equal("ping", await ReadAsync(served, 4)); // came with the proposal, not lost
        await served.WriteAsync("pong"u8.ToArray(), default);
        Assert.Equal("pong", await ReadAsync(stream, 4)); // came with the echo, not lost
        await stream.WriteAsync("more"u8.ToArray(), default);
        Assert.Equal("more", await ReadAsync(served, 4));
        Assert.Equal(2, dialer.Writes.Count);
    }

    [Fact]
    public async Task Reading_first_sends_the_opening()
    {
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        Task<string> reading = ReadAsync(stream, 5);
        (_, MuxedStream served) = await AcceptAsync();
        await served.WriteAsync("hello"u8.ToArray(), default);
        Assert.Equal("hello", await reading.Time());
    }

    [Fact]
    public async Task A_first_read_and_a_first_write_may_overlap()
    {
        for (int i = 0; i < 50; i++)
        {
            (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
            MuxedStream stream = _multistream.Propose(new LinkStream(first), Remote, Echo);
            Task<string> reading = Task.Run(() => ReadAsync(stream, 1));
            Task writing = Task.Run(() => stream.WriteAsync("w"u8.ToArray(), default).AsTask());
            (_, MuxedStream served) = await _multistream.AcceptAsync(new LinkStream(second), Remote, _ => true, default).Time();
            Assert.Equal("w", await ReadAsync(served, 1));
            await served.WriteAsync("r"u8.ToArray(), default);
            Assert.Equal("r", await reading.Time());
            await writing.Time();
        }
    }

    [Fact]
    public async Task Half_closing_first_sends_the_opening()
    {
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        await stream.CloseWriteAsync(default);
        (ProtocolId protocol, MuxedStream served) = await AcceptAsync();
        Assert.Equal(Echo, protocol);
        Assert.Equal(0, await served.ReadAsync(new byte[1], default).Time());
    }

    [Fact]
    public async Task A_large_first_write_arrives_whole()
    {
        byte[] sent = [.. Enumerable.Range(0, 100_000).Select(i => (byte)i)];
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        Task writing = stream.WriteAsync(sent, default).AsTask();
        (_, MuxedStream served) = await AcceptAsync();
        byte[] received = new byte[sent.Length];
        for (int filled = 0; filled < received.Length;)
        {
            filled += await served.ReadAsync(received.AsMemory(filled), default).Time();
        }

        Assert.Equal(sent, received);
        await writing.Time();
    }

    [Fact]
    public async Task A_refused_stream_throws_at_every_read()
    {
        Task accepting = _multistream.AcceptAsync(new LinkStream(_listenerLink), Remote, _ => false, default);
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        for (int i = 0; i < 2; i++)
        {
            var failure = await Assert.ThrowsAsync<ProtocolNotSupportedException>(() => ReadAsync(stream, 1).Time());
            Assert.Equal((Remote, Echo), (failure.Peer, failure.Protocol));
        }

        stream.Reset(EndReason.ProtocolNotSupported);
        Assert.Equal(EndReason.ProtocolNotSupported, stream.EndReason);
        await Assert.ThrowsAsync<IOException>(() => accepting.Time());
    }

    [Fact]
    public async Task Streams_agree_on_one_of_several_protocols_or_name_the_first()
    {
        Task<(ProtocolId Protocol, MuxedStream Stream)> accepting =
            _multistream.AcceptAsync(new LinkStream(_listenerLink), Remote, id => id == Echo, default);
        (ProtocolId protocol, _) = await _multistream.SelectAsync(
            new LinkStream(_dialerLink), Remote, [new ProtocolId("/new/2.0.0"), Echo], default).Time();
        Assert.Equal(Echo, protocol);
        Assert.Equal(Echo, (await accepting.Time()).Protocol);

        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        Task refusing = _multistream.AcceptAsync(new LinkStream(second), Remote, _ => false, default);
        var failure = await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => _multistream.SelectAsync(new LinkStream(first), Remote, [new ProtocolId("/x"), Echo], default).Time());
        Assert.Equal("/x", failure.Protocol.Value);
        await first.DisposeAsync();
        await Assert.ThrowsAsync<UpgradeException>(() => refusing.Time());
    }

    [Fact]
    public async Task An_optimistic_link_checks_the_echo_too()
    {
        ILink link = _multistream.Propose(_dialerLink, "/noise");
        await link.WriteAsync("e"u8.ToArray(), default);
        (_, ILink served) = await _multistream.AcceptAsync(_listenerLink, name => name == "/noise", default).Time();
        Assert.Equal("e", await ReadAsync(served, 1));
        await served.WriteAsync("ee"u8.ToArray(), default);
        Assert.Equal("ee", await ReadAsync(link, 2));
        link.Abort();
        await Assert.ThrowsAsync<IOException>(() => ReadAsync(served, 1).Time());

        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        Task refusing = _multistream.AcceptAsync(second, _ => false, default);
        ILink refused = _multistream.Propose(first, "/noise");
        Assert.Equal(
            EndReason.ProtocolNotSupported, (await Assert.ThrowsAsync<UpgradeException>(() => ReadAsync(refused, 1).Time())).Reason);
        await refused.DisposeAsync();
        await Assert.ThrowsAsync<UpgradeException>(() => refusing.Time());
    }

    [Theory]
    [InlineData("\u0002ab", EndReason.MalformedMessage)]
    [InlineData("\u0003/x\n", EndReason.UnexpectedMessage)]
    [InlineData("\u007f\u007f", EndReason.None)]
    public async Task A_broken_rule_ends_a_stream_as_its_own_and_a_link_as_the_connection(string answer, EndReason reason)
    {
        await _listenerLink.WriteAsync(Encoding.ASCII.GetBytes(answer), default);
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        Task<string> reading = ReadAsync(stream, 1);
        if (reason == EndReason.None)
        {
            await _listenerLink.DisposeAsync(); // the message never ends
            Assert.Equal(EndReason.ClosedByRemote, (await Assert.ThrowsAsync<UpgradeException>(() => reading.Time())).Reason);
            return;
        }

        var ofStream = await Assert.ThrowsAsync<ProtocolViolationException>(() => reading.Time());
        Assert.Equal((reason, ViolationScope.Stream), (ofStream.Reason, ofStream.Scope));

        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        await first.WriteAsync(Encoding.ASCII.GetBytes(answer), default);
        var ofLink = await Assert.ThrowsAsync<ProtocolViolationException>(() => _multistream.AcceptAsync(second, _ => true, default).Time());
        Assert.Equal((reason, ViolationScope.Connection), (ofLink.Reason, ofLink.Scope));
    }

    [Fact]
    public async Task A_listener_cuts_a_remote_that_proposes_for_ever()
    {
        Task accepting = _multistream.AcceptAsync(new LinkStream(_listenerLink), Remote, _ => false, default);
        await _dialerLink.WriteAsync("\u0013/multistream/1.0.0\n"u8.ToArray(), default);
        byte[] proposals = [.. Enumerable.Repeat("\u0003/x\n"u8.ToArray(), 40).SelectMany(bytes => bytes)];
        await _dialerLink.WriteAsync(proposals, default);
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(() => accepting.Time());
        Assert.Equal(EndReason.TooManyRequests, violation.Reason);
    }

    [Fact]
    public async Task A_silent_remote_is_cut_at_the_deadline_on_every_side()
    {
        Task accepting = _multistream.AcceptAsync(_listenerLink, _ => true, default);
        (MemoryLink silent, MemoryLink keep) = MemoryLink.CreatePair();
        Task selecting = _multistream.SelectAsync(silent, ["/a"], default);
        (MemoryLink mute, MemoryLink hold) = MemoryLink.CreatePair();
        Task reading = ReadAsync(_multistream.Propose(new LinkStream(mute), Remote, Echo), 1);
        await keep.ReadAsync(new byte[64], default).Time(); // both openings are out: both deadlines run
        await hold.ReadAsync(new byte[64], default).Time();

        // The optimistic reader starts its clock only after its opening is written, so the time is moved until it ends.
        foreach (Task task in new[] { accepting, selecting, reading })
        {
            while (!task.IsCompleted)
            {
                _time.Advance(TimeSpan.FromSeconds(11));
                await Task.Yield();
            }

            Assert.Equal(EndReason.Timeout, (await Assert.ThrowsAsync<UpgradeException>(() => task.Time())).Reason);
        }
    }

    [Fact]
    public async Task A_remote_that_drips_bytes_is_cut_at_the_same_deadline()
    {
        Task accepting = _multistream.AcceptAsync(_listenerLink, _ => true, default);
        byte[] header = "\u0013/multistream/1.0.0\n"u8.ToArray();
        for (int i = 0; i < 12; i++)
        {
            await _dialerLink.WriteAsync(header.AsMemory(i, 1), default);
            _time.Advance(TimeSpan.FromSeconds(1)); // never idle for as long as the deadline
        }

        Assert.Equal(EndReason.Timeout, (await Assert.ThrowsAsync<UpgradeException>(() => accepting.Time())).Reason);
    }

    [Fact]
    public async Task A_cancelled_first_read_breaks_the_reading_side_in_a_clear_way()
    {
        MuxedStream stream = _multistream.Propose(new LinkStream(_dialerLink), Remote, Echo);
        using var cancel = new CancellationTokenSource();
        Task<int> reading = stream.ReadAsync(new byte[1], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Time());
        await Assert.ThrowsAsync<IOException>(() => stream.ReadAsync(new byte[1], default).Time());
    }

    private static async Task<string> ReadAsync(MuxedStream stream, int count) =>
        await ReadAsync((buffer, token) => stream.ReadAsync(buffer, token), count);

    private static async Task<string> ReadAsync(ILink link, int count) =>
        await ReadAsync((buffer, token) => link.ReadAsync(buffer, token), count);

    private static async Task<string> ReadAsync(Func<Memory<byte>, CancellationToken, ValueTask<int>> read, int count)
    {
        byte[] buffer = new byte[count];
        for (int filled = 0; filled < count;)
        {
            int got = await read(buffer.AsMemory(filled), default);
            Assert.True(got > 0, "ended early");
            filled += got;
        }

        return Encoding.UTF8.GetString(buffer);
    }

    private Task<(ProtocolId Protocol, MuxedStream Stream)> AcceptAsync() =>
        _multistream.AcceptAsync(new LinkStream(_listenerLink), Remote, _ => true, default).Time();
}
