using P2PLearn.Actors.Membership;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class KnownMembersTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    [Fact]
    public void Members_survive_a_restart_newest_first()
    {
        KnownMembers known = new(_file, max: 8);
        known.Add([TestMesh.Peer(1)]);
        known.Add([TestMesh.Peer(2), TestMesh.Peer(1)]);

        Assert.Equal([TestMesh.Peer(2), TestMesh.Peer(1)], new KnownMembers(_file, max: 8).All);
    }

    [Fact]
    public void There_is_a_bound_and_the_oldest_go()
    {
        KnownMembers known = new(_file, max: 2);
        known.Add([TestMesh.Peer(1)]);
        known.Add([TestMesh.Peer(2)]);
        known.Add([TestMesh.Peer(3)]);

        Assert.Equal([TestMesh.Peer(3), TestMesh.Peer(2)], known.All);
        Assert.Equal(2, new KnownMembers(_file, max: 2).All.Count);
    }

    [Fact]
    public void A_write_that_was_cut_short_leaves_the_old_list_and_does_not_hinder_the_next()
    {
        KnownMembers known = new(_file, max: 8);
        known.Add([TestMesh.Peer(1)]);
        File.WriteAllText(_file + ".new", "12D3Koo"); // as kill -9 between the write and the rename leaves it
        KnownMembers again = new(_file, max: 8);
        Assert.Equal([TestMesh.Peer(1)], again.All);

        again.Add([TestMesh.Peer(2)]);

        Assert.Equal([TestMesh.Peer(2), TestMesh.Peer(1)], new KnownMembers(_file, max: 8).All);
        Assert.False(File.Exists(_file + ".new"));
    }

    [Fact]
    public void Lines_that_are_no_peers_are_skipped()
    {
        File.WriteAllLines(_file, ["nonsense", TestMesh.Peer(1).ToString(), ""]);

        Assert.Equal([TestMesh.Peer(1)], new KnownMembers(_file, max: 8).All);
    }

    public void Dispose() => File.Delete(_file);
}
