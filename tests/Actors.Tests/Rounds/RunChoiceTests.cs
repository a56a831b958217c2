using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Checkpoints;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Tests.Rounds;

/// <summary>Which run a node takes part in.</summary>
public sealed class RunChoiceTests
{
    private static readonly RunSettings First = new() { Seed = 1 };
    private static readonly RunSettings Second = new() { Seed = 2 };

    [Fact]
    public void The_run_proposed_last_is_taken_unless_another_is_named()
    {
        IReadOnlyList<KnownRun> runs = RunChoice.List(Attested.Set([Attested.Of(First, 1, 100), Attested.Of(Second, 2, 50), Attested.Of(Second, 1, 60)]));
        Assert.Equal(First, RunChoice.Pick(runs, null)!.Settings);
        string id = RunId.Of(Second.Encode()).ToString();
        Assert.Equal(Second, RunChoice.Pick(runs, id)!.Settings);
        Assert.Equal(Second, RunChoice.Pick(runs, id[..8].ToUpperInvariant())!.Settings);
        Assert.Equal(60u, RunChoice.Pick(runs, id)!.ProposedAt);
        Assert.Null(RunChoice.Pick(runs, new string('0', 64)));
        Assert.Null(RunChoice.Pick([], null));
    }

    [Fact]
    public void Digits_that_several_runs_begin_with_are_refused_with_their_names()
    {
        KnownRun[] runs = [new(RunId.FromBytes([0xAB, 0xCD, .. new byte[30]]), First, 1), new(RunId.FromBytes([0xAB, 0xCD, .. new byte[29], 1]), Second, 2)];
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => RunChoice.Pick(runs, "abcd"));
        Assert.Contains("abcd000000000000", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_do_not_hash_to_their_run_or_do_not_read_are_no_run()
    {
        Attestation forged = Attested.Sign(1, AttestationKind.RunSettings, RunId.Of("other"u8), 1, First.Encode());
        byte[] junk = "{}x"u8.ToArray();
        Attestation unread = Attested.Sign(1, AttestationKind.RunSettings, RunId.Of(junk), 1, junk);
        Assert.Empty(RunChoice.List(Attested.Set([forged, unread])));
    }
}
