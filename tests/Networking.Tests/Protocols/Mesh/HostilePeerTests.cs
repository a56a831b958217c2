using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

/// <summary>A member, and a bare node that says what it likes; time stands still unless a test moves it.</summary>
public sealed class HostilePeerTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly Fabric _fabric;
    private readonly FabricNode _peer;
    private Member _member;

    public HostilePeerTests()
    {
        _fabric = new Fabric(_time);
        _peer = _fabric.AddNode(9);
        _member = Meshes.Add(_fabric, 1, Meshes.Home);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _member.DisposeAsync();
        Assert.Empty(_member.Node.HandlerFailures);
        await _fabric.DisposeAsync();
    }

    [Fact]
    public async Task A_guarded_stream_waits_for_the_proof_and_is_then_served()
    {
        await using PeerStream early = await OpenEchoAsync();
        await early.WriteAsync(new byte[] { 5 });
        Task<int> answer = early.ReadAsync(new byte[1]).AsTask();
        Assert.True(await ProveAsync(Meshes.Home));
        Assert.Equal(1, await answer.LimitAsync("the echo"));
        await _member.SawAsync(1);
        Assert.Equal(["+" + _peer.LocalPeer.ToShortString()], _member.Events);
    }

    [Fact]
    public async Task A_guarded_stream_without_a_proof_is_reset_at_the_deadline_and_never_served()
    {
        await using PeerStream stream = await OpenEchoAsync();
        await stream.WriteAsync(new byte[] { 5 });
        Task<int> answer = stream.ReadAsync(new byte[1]).AsTask();
        _time.Advance(Meshes.Home.GuardTimeout - TimeSpan.FromSeconds(1));
        Assert.False(answer.IsCompleted);
        await PassUntilAsync(() => answer.IsCompleted, "the reset");
        await Assert.ThrowsAsync<IOException>(() => answer);
        Assert.Empty(_member.Events);
        await Within.UntilAsync(() => _member.Streams.Kept.Epochs == 0, "nothing is kept");
    }

    [Fact]
    public async Task A_guarded_stream_is_reset_at_once_when_the_proof_fails()
    {
        await using PeerStream stream = await OpenEchoAsync();
        Task<int> answer = stream.ReadAsync(new byte[1]).AsTask();
        await Within.UntilAsync(() => _member.Streams.Kept.Waiting == 1, "the stream waits");
        Assert.False(await ProveAsync(Meshes.Home with { Key = null }));
        await Assert.ThrowsAsync<IOException>(() => answer.LimitAsync("the reset"));
    }

    [Fact]
    public async Task Only_so_many_streams_of_one_peer_wait()
    {
        await RestartAsync(Meshes.Home with { MaxWaitingStreamsPerPeer = 2 });
        List<PeerStream> streams = [];
        for (int i = 0; i < 5; i++)
        {
            streams.Add(await OpenEchoAsync());
        }

        Task<int>[] reads = [.. streams.Select(s => s.ReadAsync(new byte[1]).AsTask())];
        await Within.UntilAsync(() => reads.Count(r => r.IsFaulted) == 3, "three are reset");
        Assert.Equal(2, reads.Count(r => !r.IsCompleted));
        Assert.True(await ProveAsync(Meshes.Home));
        await Within.UntilAsync(() => _member.Streams.Kept.Waiting == 0, "nobody waits any more");
        foreach (PeerStream stream in streams)
        {
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task Wrong_proofs_are_penalized_and_the_right_key_still_gets_in()
    {
        Assert.False(await ProveAsync(Meshes.Home with { Key = MeshKey.Generate() }));
        Assert.Equal((_peer.LocalPeer, EndReason.AuthenticationFailed), Assert.Single(_member.Node.Penalties));
        Assert.True(await ProveAsync(Meshes.Home));
        await _member.SawAsync(2);
        Assert.Equal(["WrongKey" + _peer.LocalPeer.ToShortString(), "+" + _peer.LocalPeer.ToShortString()], _member.Events);
        Assert.Equal(0, _member.Streams.Kept.Paced);
    }

    [Fact]
    public async Task A_member_that_comes_back_with_another_key_is_one_no_more()
    {
        Assert.True(await ProveAsync(Meshes.Home));
        await _member.SawAsync(1);
        Assert.True(await ProveAsync(Meshes.Home)); // again, harmlessly: a new process behind a connection that we think is the old one
        Assert.False(await ProveAsync(Meshes.Home with { Key = MeshKey.Generate() }));
        string name = _peer.LocalPeer.ToShortString();
        await _member.SawAsync(3);
        Assert.Equal(["+" + name, "-" + name, "WrongKey" + name], _member.Events);
        Assert.Empty(_member.Streams.ConnectedPeers);
    }

    [Fact]
    public async Task A_message_too_long_is_refused_by_its_length_alone()
    {
        await using PeerStream stream = await OpenProofAsync();
        await stream.WriteAsync(new byte[] { 0x81, 0x04 }); // 513 bytes to come
        await EndedAsync(stream);
        await _member.SawAsync(1);
        Assert.Equal((_peer.LocalPeer, EndReason.MessageTooLarge), Assert.Single(_member.Node.Penalties));
        Assert.Equal(["Malformed" + _peer.LocalPeer.ToShortString()], _member.Events);
    }

    [Fact]
    public async Task Broken_lengths_and_messages_are_refused_and_penalized()
    {
        foreach (byte[] bytes in (byte[][])[[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [1, 0xee], [0]])
        {
            await using PeerStream stream = await OpenProofAsync();
            await stream.WriteAsync(bytes);
            await EndedAsync(stream);
        }

        await Within.UntilAsync(() => _member.Node.Penalties.Count == 3, "each is penalized");
        await _member.SawAsync(1);
        Assert.All(_member.Node.Penalties, p => Assert.Equal(EndReason.MalformedMessage, p.Reason));
        Assert.Single(_member.Events);
    }

    [Fact]
    public async Task Too_many_proofs_are_cut_off_before_they_cost_anything()
    {
        int limit = Meshes.Home.MaxProofsPerPeer;
        for (int i = 0; i < limit + 5; i++)
        {
            await using PeerStream stream = await OpenProofAsync();
            await stream.CloseWriteAsync(default);
            await EndedAsync(stream);
        }

        await Within.UntilAsync(() => _member.Node.Penalties.Count >= 5, "the excess is penalized");
        Assert.All(_member.Node.Penalties, p => Assert.Equal(EndReason.TooManyRequests, p.Reason));
        _time.Advance(Meshes.Home.ProofWindow);
        Assert.True(await ProveAsync(Meshes.Home));
    }

    [Fact]
    public async Task Drips_do_not_extend_the_deadline_of_a_responder()
    {
        await using PeerStream stream = await OpenProofAsync();
        var initiator = new Prover(MeshRole.Initiator, Meshes.Home, _peer.LocalPeer, _member.Id);
        await FramedWriter.WriteAsync(stream, initiator.First[0], default);
        using var reader = new FramedReader(stream, MeshMessage.MaxBytes);
        Assert.NotNull(await reader.ReadAsync(default).LimitAsync("the member's hello"));
        for (int i = 0; i < 14; i++)
        {
            await stream.WriteAsync(new byte[] { i == 0 ? (byte)33 : (byte)2 });
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Empty(_member.Events);
        await PassUntilAsync(() => _member.Events.Length > 0, "the deadline");
        Assert.Equal(["Timeout" + _peer.LocalPeer.ToShortString()], _member.Events);
        await EndedAsync(stream);
        Assert.Empty(_member.Node.Penalties);
        Assert.True(await ProveAsync(Meshes.Home));
    }

    [Fact]
    public async Task A_peer_that_never_answers_times_out_and_may_be_tried_again_at_once()
    {
        int asked = 0;
        _peer.Handle(AdmittedStreams.Protocol, async (_, ct) =>
        {
            Interlocked.Increment(ref asked);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        });
        for (int i = 1; i <= 2; i++)
        {
            Task admission = _member.Streams.AdmitAsync(_peer.LocalPeer, default);
            await PassUntilAsync(() => admission.IsCompleted, "the deadline");
            PeerUnreachableException error = await Assert.ThrowsAsync<PeerUnreachableException>(() => admission);
            Assert.Equal(EndReason.Timeout, error.Reason);
            Assert.Equal("it did not answer in time", error.Message);
        }

        await _member.SawAsync(1);
        Assert.InRange(Volatile.Read(ref asked), 2, 4); // ours, and those begun with the connection
        Assert.Single(_member.Events);
    }

    [Fact]
    public async Task A_refused_peer_is_left_alone_for_the_pause_and_then_asked_again()
    {
        int asked = 0;
        _peer.Handle(AdmittedStreams.Protocol, async (stream, ct) =>
        {
            Interlocked.Increment(ref asked);
            await stream.WriteAsync(new byte[] { 2, 4, 4 }, ct);
            await stream.CloseWriteAsync(ct);
            await stream.ReadAtLeastAsync(new byte[512], 512, throwOnEndOfStream: false, ct);
        });
        PeerUnreachableException error = await RefusedAsync();
        Assert.Equal("this node is not on its allow list", error.Message);
        await _member.SawAsync(1);
        int first = Volatile.Read(ref asked);
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(EndReason.NotAdmitted, (await RefusedAsync()).Reason);
        }

        _fabric.Disconnect(_member.Id, _peer.LocalPeer);
        _fabric.Connect(_peer.LocalPeer, _member.Id);
        await RefusedAsync();
        Assert.Equal(first, Volatile.Read(ref asked));
        Assert.Empty(_member.Node.Penalties);
        Assert.Single(_member.Events);
        _time.Advance(Meshes.Home.RetryPause);
        await RefusedAsync();
        Assert.Equal(first + 1, Volatile.Read(ref asked));
        await _member.SawAsync(2);
        Assert.Equal(2, _member.Events.Length);
    }

    [Fact]
    public async Task A_peer_that_breaks_every_proof_off_is_not_asked_without_end()
    {
        int asked = 0;
        _peer.Handle(AdmittedStreams.Protocol, (stream, _) =>
        {
            Interlocked.Increment(ref asked);
            stream.Reset(EndReason.ClosedLocally);
            return Task.CompletedTask;
        });
        List<EndReason> reasons = [];
        for (int i = 0; i < Meshes.Home.MaxProofsPerPeer + 5; i++)
        {
            reasons.Add((await RefusedAsync()).Reason);
        }

        Assert.Equal(EndReason.LinkLost, reasons[0]);
        Assert.Equal(EndReason.LimitReached, reasons[^1]);
        Assert.True(Volatile.Read(ref asked) <= Meshes.Home.MaxProofsPerPeer);
        Assert.Empty(_member.Events);
    }

    [Fact]
    public async Task Whoever_waits_for_our_proof_goes_on_when_the_peers_own_is_first()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var calledOff = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _peer.Handle(AdmittedStreams.Protocol, async (stream, _) =>
        {
            asked.TrySetResult();
            await EndedAsync(stream);
            calledOff.TrySetResult();
        });
        Task admission = _member.Streams.AdmitAsync(_peer.LocalPeer, default);
        await asked.Task.LimitAsync("the member's own proof");
        Assert.False(admission.IsCompleted);
        Assert.True(await ProveAsync(Meshes.Home));
        await admission.LimitAsync("the admission, with no time passing");
        await calledOff.Task.LimitAsync("the end of the member's own proof");
    }

    [Fact]
    public async Task The_connection_that_ends_within_the_proof_is_told_as_lost()
    {
        _peer.Handle(AdmittedStreams.Protocol, (_, _) =>
        {
            _fabric.Cut(_member.Id, _peer.LocalPeer);
            return Task.CompletedTask;
        });
        Assert.Equal(EndReason.LinkLost, (await RefusedAsync()).Reason);
        Assert.Empty(_member.Events);
    }

    /// <summary>Proves as the bare node, over a stream of its own.</summary>
    /// <returns>Whether both admit.</returns>
    private async Task<bool> ProveAsync(MeshOptions options)
    {
        await using PeerStream stream = await OpenProofAsync();
        var proof = new MeshProof(MeshRole.Initiator, new MeshTerms(options), _peer.LocalPeer, _member.Id, Prover.Nonce(8));
        MeshVerdict verdict = await MeshProofLoop.RunAsync(stream, proof, default).LimitAsync("the proof");
        await MeshProofLoop.FinishAsync(stream, default).LimitAsync("the end of the proof");
        return verdict.IsAdmitted;
    }

    private ValueTask<PeerStream> OpenProofAsync() => _peer.OpenStreamAsync(_member.Id, AdmittedStreams.Protocol, default);

    private ValueTask<PeerStream> OpenEchoAsync() => _peer.OpenStreamAsync(_member.Id, Meshes.Echo, default);

    private Task<PeerUnreachableException> RefusedAsync() => Assert.ThrowsAsync<PeerUnreachableException>(
        () => _member.Streams.AdmitAsync(_peer.LocalPeer, default).LimitAsync("the admission"));

    private async Task RestartAsync(MeshOptions options)
    {
        await _member.DisposeAsync();
        _member = Meshes.Add(_fabric, 1, options);
    }

    private async Task PassUntilAsync(Func<bool> condition, string what) => await Within.UntilAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        what);

    private static async Task EndedAsync(PeerStream stream)
    {
        try
        {
            byte[] rest = new byte[MeshMessage.MaxBytes];
            await stream.ReadAtLeastAsync(rest, rest.Length, throwOnEndOfStream: false).LimitAsync("the end of the stream");
        }
        catch (IOException)
        {
            // Reset: an end as well.
        }
    }
}
