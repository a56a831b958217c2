using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class AdmissionPaceTests
{
    private static readonly PeerId A = TestPeers.Id(1);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Proofs_are_counted_within_a_window_and_a_success_starts_anew()
    {
        var pace = new AdmissionPace(Meshes.Home with { MaxProofsPerPeer = 2 }, _time);
        Assert.True(pace.TryBegin(A) && pace.TryBegin(A));
        Assert.False(pace.TryBegin(A));
        Assert.True(pace.TryBegin(TestPeers.Id(2)));
        _time.Advance(Meshes.Home.ProofWindow);
        Assert.True(pace.TryBegin(A) && pace.TryBegin(A));
        Assert.False(pace.TryBegin(A));
        pace.Succeeded(A);
        Assert.True(pace.TryBegin(A));
    }

    [Fact]
    public void Asking_whether_a_proof_may_begin_counts_nothing()
    {
        var pace = new AdmissionPace(Meshes.Home with { MaxProofsPerPeer = 1 }, _time);
        Assert.True(pace.MayBegin(A) && pace.MayBegin(A));
        Assert.Equal(0, pace.Count);
        Assert.True(pace.TryBegin(A));
        Assert.False(pace.MayBegin(A));
        _time.Advance(Meshes.Home.ProofWindow);
        Assert.True(pace.MayBegin(A));
    }

    [Fact]
    public void A_refusal_is_news_once_and_holds_off_for_the_pause()
    {
        var pace = new AdmissionPace(Meshes.Home, _time);
        Assert.Null(pace.HeldOff(A));
        Assert.True(pace.Refused(A, MeshVerdict.WrongKey));
        Assert.False(pace.Refused(A, MeshVerdict.WrongKey));
        Assert.Equal(MeshVerdict.WrongKey, pace.HeldOff(A));
        Assert.True(pace.Refused(A, MeshVerdict.NotAllowed));
        Assert.Equal(MeshVerdict.NotAllowed, pace.HeldOff(A));
        _time.Advance(Meshes.Home.RetryPause);
        Assert.Null(pace.HeldOff(A));
        Assert.True(pace.Refused(A, MeshVerdict.NotAllowed));
        pace.Succeeded(A);
        Assert.Null(pace.HeldOff(A));
    }

    [Fact]
    public void A_timeout_is_told_once_and_holds_nobody_off()
    {
        var pace = new AdmissionPace(Meshes.Home, _time);
        Assert.True(pace.Refused(A, MeshVerdict.TimedOut));
        Assert.False(pace.Refused(A, MeshVerdict.TimedOut));
        Assert.Null(pace.HeldOff(A));
    }

    [Fact]
    public void What_is_remembered_is_bounded_and_the_expired_go_first()
    {
        var pace = new AdmissionPace(Meshes.Home with { MaxRememberedPeers = 3 }, _time);
        pace.TryBegin(TestPeers.Id(1));
        pace.Refused(TestPeers.Id(2), MeshVerdict.WrongKey);
        pace.TryBegin(TestPeers.Id(3));
        pace.TryBegin(TestPeers.Id(4));
        Assert.Equal(3, pace.Count);
        Assert.NotNull(pace.HeldOff(TestPeers.Id(2)));
        _time.Advance(Meshes.Home.RetryPause);
        pace.TryBegin(TestPeers.Id(5));
        Assert.Equal(1, pace.Count);
    }

    [Fact]
    public void A_proof_over_a_connection_that_has_ended_admits_nobody()
    {
        List<string> told = [];
        var table = new AdmissionTable(new OrderedEvents(e => told.Add(e.Message)), p => told.Add("+" + p), p => told.Add("-" + p));
        AdmissionTable.Holder old = table.Enter(A);
        table.End(A);
        Assert.True(old.Epoch.Settled.IsCompleted);
        Assert.False(table.TryAdmit(old.Epoch));
        AdmissionTable.Holder fresh = table.Enter(A);
        Assert.False(table.TryAdmit(old.Epoch));
        Assert.True(table.TryAdmit(fresh.Epoch));
        Assert.True(table.TryAdmit(fresh.Epoch));
        old.Dispose();
        fresh.Dispose();
        Assert.True(table.IsAdmitted(A));
        table.End(A);
        table.End(A);
        Assert.Equal(["+" + A, "-" + A], told);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void An_epoch_is_kept_only_while_somebody_holds_it()
    {
        var table = new AdmissionTable(new OrderedEvents(_ => { }), _ => { }, _ => { });
        AdmissionTable.Holder first = table.Enter(A);
        AdmissionTable.Holder second = table.Enter(A);
        first.Dispose();
        Assert.Equal(1, table.Count);
        second.Dispose();
        Assert.Equal(0, table.Count);
    }
}
