using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Tests.Training;

public sealed class ProgressFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-progress-").FullName;

    private string File => Path.Combine(_folder, "progress.bin");

    [Fact]
    public void What_was_written_is_read()
    {
        var progress = new Progress(RunId.Of([1, 2, 3]), 7, Contribution(7), [9, 8, 7, 6]);
        ProgressFile.Write(File, progress);
        Assert.True(ProgressFile.TryRead(File, 10_000, out Progress? read, out string? error), error);
        Assert.Equal(progress.Run, read.Run);
        Assert.Equal(7, read.Round);
        Assert.Equal(progress.Committed!.Root, read.Committed!.Root);
        Assert.Equal(progress.Committed.Signature, read.Committed.Signature);
        Assert.Equal(progress.TrainerState, read.TrainerState);
    }

    [Fact]
    public void A_mixed_round_has_no_contribution()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, null, [1]));
        Assert.True(ProgressFile.TryRead(File, 10_000, out Progress? read, out _));
        Assert.Null(read.Committed);
    }

    [Fact]
    public void No_file_is_no_error()
    {
        Assert.False(ProgressFile.TryRead(File, 10_000, out _, out string? error));
        Assert.Null(error);
    }

    [Fact]
    public void Every_flipped_byte_is_noticed()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, Contribution(3), [1, 2, 3]));
        byte[] good = System.IO.File.ReadAllBytes(File);
        for (int i = 0; i < good.Length; i++)
        {
            byte[] bad = [.. good];
            bad[i] ^= 0x10;
            System.IO.File.WriteAllBytes(File, bad);
            Assert.False(ProgressFile.TryRead(File, 10_000, out _, out string? error));
            Assert.NotNull(error);
        }
    }

    [Fact]
    public void Every_truncation_is_noticed()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, Contribution(3), [1, 2, 3]));
        byte[] good = System.IO.File.ReadAllBytes(File);
        for (int length = 0; length < good.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, good[..length]);
            Assert.False(ProgressFile.TryRead(File, 10_000, out _, out string? error));
            Assert.NotNull(error);
        }
    }

    [Fact]
    public void A_file_beyond_the_limit_is_of_another_run_and_not_taken_into_memory()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, null, new byte[100_000]));
        Assert.False(ProgressFile.TryRead(File, 500, out _, out string? error));
        Assert.Null(error);
    }

    [Fact]
    public void Damage_is_noticed_in_a_file_beyond_the_limit_too()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, null, new byte[100_000]));
        byte[] bad = System.IO.File.ReadAllBytes(File);
        foreach (int i in (int[])[0, 20, 70_000, bad.Length - 1])
        {
            bad[i] ^= 0x10;
            System.IO.File.WriteAllBytes(File, bad);
            Assert.False(ProgressFile.TryRead(File, 500, out _, out string? error));
            Assert.Contains("damaged", error, StringComparison.Ordinal);
            bad[i] ^= 0x10;
        }
    }

    [Fact]
    public void A_write_that_was_cut_short_leaves_the_old_file()
    {
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 3, null, [1]));
        System.IO.File.WriteAllBytes(File + ".new", [1, 2]); // as kill -9 between the write and the rename leaves it
        Assert.True(ProgressFile.TryRead(File, 10_000, out Progress? read, out _));
        Assert.Equal(3, read.Round);
        ProgressFile.Write(File, new Progress(RunId.Of([1]), 4, null, [1]));
        Assert.True(ProgressFile.TryRead(File, 10_000, out read, out _));
        Assert.Equal(4, read.Round);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Contribution Contribution(uint round) => new()
    {
        Run = RunId.Of([1, 2, 3]),
        Round = round,
        Peer = ReplicaId.FromText("peer"),
        Root = Hash256.Of([5]),
        LayoutHash = Hash256.Of([6]),
        ModelBytes = 4,
        SampleCount = 500,
        Signature = Signature64.FromBytes(new byte[64]),
    };
}
