using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Security;

public sealed class NoiseSecurityTests : IDisposable
{
    private static readonly string[] Yamux = ["/yamux/1.0.0"];
    private readonly KeyPair _alice = KeyPair.Generate();
    private readonly KeyPair _bob = KeyPair.Generate();
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLink _dialerLink;
    private readonly MemoryLink _listenerLink;

    public NoiseSecurityTests() => (_dialerLink, _listenerLink) = MemoryLink.CreatePair();

    public void Dispose()
    {
        _alice.Dispose();
        _bob.Dispose();
    }

    [Fact]
    public async Task Two_sides_agree_and_talk_both_ways()
    {
        (NoiseChannel dialer, NoiseChannel listener) = await ConnectAsync(_bob.PeerId, Yamux, Yamux);
        Assert.Equal((_bob.PeerId, _alice.PeerId), (dialer.RemotePeer, listener.RemotePeer));
        Assert.Equal(("/yamux/1.0.0", "/yamux/1.0.0"), (dialer.NegotiatedMuxer, listener.NegotiatedMuxer));

        byte[] sent = new byte[1_000_000];
        new Random(1).NextBytes(sent);
        Task forth = dialer.WriteAsync(sent, default).AsTask();
        Task back = listener.WriteAsync(sent, default).AsTask();
        Task<byte[]> atDialer = ReadAllAsync(dialer, sent.Length);
        Assert.Equal(sent, await ReadAllAsync(listener, sent.Length).Time());
        Assert.Equal(sent, await atDialer.Time());
        await Task.WhenAll(forth, back).Time();

        await dialer.DisposeAsync();
        Assert.Equal(0, await listener.ReadAsync(new byte[1], default).Time());
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task Without_an_early_list_from_one_side_no_muxer_is_agreed()
    {
        (NoiseChannel dialer, NoiseChannel listener) = await ConnectAsync(null, [], Yamux);
        Assert.Null(dialer.NegotiatedMuxer);
        Assert.Null(listener.NegotiatedMuxer);
    }

    [Fact]
    public async Task What_comes_together_with_the_last_handshake_message_is_not_lost()
    {
        // The dialer's writes are held back until it has sent transport data too, then delivered at once.
        var holding = new HoldingLink(_dialerLink, holdFrom: 2);
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        NoiseChannel dialer = await Security(_alice).SecureOutboundAsync(holding, null, [], default).Time();
        await dialer.WriteAsync("early"u8.ToArray(), default);
        await holding.ReleaseAsync();
        NoiseChannel listener = await listening.Time();
        Assert.Equal("early"u8.ToArray(), await ReadAllAsync(listener, 5).Time());
    }

    [Fact]
    public async Task Another_peer_than_expected_is_a_typed_failure_and_the_link_is_aborted()
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        var failure = await Assert.ThrowsAsync<UpgradeException>(
            () => Security(_alice).SecureOutboundAsync(_dialerLink, _alice.PeerId, [], default).Time());
        Assert.Equal(EndReason.PeerIdMismatch, failure.Reason);
        Assert.Contains(_bob.PeerId.ToString(), failure.Message);
        await Assert.ThrowsAsync<IOException>(() => listening.Time());
    }

    [Fact]
    public async Task No_muxer_in_common_is_a_typed_failure()
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, ["/b"], default);
        var failure = await Assert.ThrowsAsync<UpgradeException>(
            () => Security(_alice).SecureOutboundAsync(_dialerLink, null, ["/a"], default).Time());
        Assert.Equal(EndReason.ProtocolNotSupported, failure.Reason);
        await Assert.ThrowsAsync<IOException>(() => listening.Time());
    }

    [Fact]
    public async Task A_forged_message_is_an_authentication_failure()
    {
        Task<NoiseChannel> dialing = Security(_alice).SecureOutboundAsync(_dialerLink, null, [], default);
        await ReadAllAsync(_listenerLink, 34).Time();
        byte[] forged = new byte[202];
        forged[1] = 200;
        forged[2] = 9; // the base point's u-coordinate: a fine point, but nobody's keys
        await _listenerLink.WriteAsync(forged, default);
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(() => dialing.Time());
        Assert.Equal(EndReason.AuthenticationFailed, violation.Reason);
    }

    [Theory]
    [InlineData(0, 33)] // message 1 is 32 bytes
    [InlineData(0xff, 0xff)] // read as a signed number this would be negative
    public async Task An_announced_length_beyond_the_limit_is_refused_before_it_is_awaited(byte high, byte low)
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        await _dialerLink.WriteAsync(new[] { high, low }, default);
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(() => listening.Time());
        Assert.Equal(EndReason.MessageTooLarge, violation.Reason);
    }

    [Fact]
    public async Task The_payload_has_a_limit()
    {
        string[] muxers = [.. Enumerable.Range(0, 200).Select(i => $"/a-rather-long-name-of-a-muxer/{i}.0.0")];
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, muxers, default);
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(
            () => Security(_alice).SecureOutboundAsync(_dialerLink, null, [], default).Time());
        Assert.Equal(EndReason.MessageTooLarge, violation.Reason);
        await Assert.ThrowsAsync<IOException>(() => listening.Time());
    }

    [Fact]
    public async Task A_silent_remote_is_cut_at_the_deadline()
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(listening.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        var failure = await Assert.ThrowsAsync<UpgradeException>(() => listening.Time());
        Assert.Equal(EndReason.Timeout, failure.Reason);
        await Assert.ThrowsAsync<IOException>(() => _dialerLink.ReadAsync(new byte[1], default).Time());
    }

    [Fact]
    public async Task A_remote_that_drips_bytes_is_cut_at_the_same_deadline()
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        byte[] message = [0, 32, .. new byte[32]];
        for (int i = 0; i < 12 && !listening.IsCompleted; i++)
        {
            try
            {
                await _dialerLink.WriteAsync(message.AsMemory(i, 1), default);
            }
            catch (IOException)
            {
                break; // cut already
            }

            _time.Advance(TimeSpan.FromSeconds(1)); // never idle for as long as the deadline
        }

        var failure = await Assert.ThrowsAsync<UpgradeException>(() => listening.Time());
        Assert.Equal(EndReason.Timeout, failure.Reason);
    }

    [Fact]
    public async Task The_callers_cancellation_passes_through()
    {
        using var cancel = new CancellationTokenSource();
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listening.Time());
    }

    [Fact]
    public async Task A_remote_that_closes_is_a_typed_failure()
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, [], default);
        await _dialerLink.DisposeAsync();
        var failure = await Assert.ThrowsAsync<UpgradeException>(() => listening.Time());
        Assert.Equal(EndReason.ClosedByRemote, failure.Reason);
    }

    [Fact]
    public void Options_are_validated()
    {
        new NoiseOptions().Validate();
        Assert.Throws<ArgumentOutOfRangeException>(() => (new NoiseOptions { HandshakeTimeout = TimeSpan.Zero }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (new NoiseOptions { MaxPayloadBytes = 10 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (new NoiseOptions { MaxReceiveBufferBytes = 65536 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (new NoiseOptions { MaxSendBatchBytes = 65536 }).Validate());
    }

    private static async Task<byte[]> ReadAllAsync(ILink link, int count)
    {
        byte[] bytes = new byte[count];
        int filled = 0;
        while (filled < count)
        {
            int read = await link.ReadAsync(bytes.AsMemory(filled), default);
            Assert.True(read > 0, $"the link ended after {filled} of {count} bytes");
            filled += read;
        }

        return bytes;
    }

    private NoiseSecurity Security(KeyPair identity) => new(identity, new NoiseOptions(), _time);

    private async Task<(NoiseChannel Dialer, NoiseChannel Listener)> ConnectAsync(
        PeerId? expected, string[] dialerMuxers, string[] listenerMuxers)
    {
        Task<NoiseChannel> listening = Security(_bob).SecureInboundAsync(_listenerLink, null, listenerMuxers, default);
        NoiseChannel dialer = await Security(_alice).SecureOutboundAsync(_dialerLink, expected, dialerMuxers, default).Time();
        return (dialer, await listening.Time());
    }

    /// <summary>Keeps writes back from the n-th on, and delivers them as one.</summary>
    private sealed class HoldingLink(ILink inner, int holdFrom) : ILink
    {
        private readonly List<byte> _held = [];
        private int _writes;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            if (++_writes < holdFrom)
            {
                return inner.WriteAsync(bytes, cancellationToken);
            }

            _held.AddRange(bytes.ToArray());
            return ValueTask.CompletedTask;
        }

        public ValueTask ReleaseAsync() => inner.WriteAsync(_held.ToArray(), default);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
