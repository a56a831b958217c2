using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Storage;
using P2PLearn.Networking.Tests;

namespace P2PLearn.Actors.Tests.Replication;

public sealed class ReplicationDatabaseTests : IDisposable
{
    private static readonly RunId OtherRun = RunId.Of("another"u8);
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-replicated-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly TestLog _log = new();

    private string File => Path.Combine(_folder, "replicated.db");

    [Fact]
    public async Task What_the_store_holds_is_there_again_whatever_is_followed_then()
    {
        Contribution own = Contributions.Signed(0, 5);
        Contribution[] equivocation = [Contributions.Signed(2, 4, model: 1), Contributions.Signed(2, 4, model: 2)];
        Attestation[] attestations =
        [
            Attestations.Signed(AttestationKind.RunSettings, 0, 1), Attestations.Signed(AttestationKind.Checkpoint, 1, uint.MaxValue),
            Attestations.Signed(AttestationKind.Checkpoint, 1, 3),
        ];
        ReplicationStore store = NewStore(Contributions.Run, OtherRun);
        await using (ReplicationDatabase database = Open(store))
        {
            Assert.True(await database.SaveAsync(own));
            store.Take(SetOf([own, Contributions.Signed(1, 5), Contributions.Signed(1, 2, run: OtherRun), .. equivocation]));
            store.Take(AttestationShards.SetOf(attestations));
            store.Prune(Contributions.Run, 3);
        }

        ReplicationStore again = NewStore();
        await using ReplicationDatabase reopened = Open(again);

        Assert.Equal(0, reopened.DroppedRows);
        Assert.Equal(store.Contributions, again.Contributions);
        Assert.Equal(4, again.Contributions.Count);
        Assert.Single(again.Contributions.Equivocations);
        Assert.Equal(3u, again.Contributions.PrunedBelow(Contributions.Run));
        Assert.Equal(AttestationShards.SetOf(attestations), again.Attestations);
    }

    [Fact]
    public async Task What_is_pruned_replaced_or_of_a_run_no_longer_followed_leaves_the_disk()
    {
        ReplicationStore store = NewStore(Contributions.Run, OtherRun);
        await using (ReplicationDatabase database = Open(store))
        {
            store.Take(SetOf([Contributions.Signed(0, 1), Contributions.Signed(0, 9), Contributions.Signed(0, 9, run: OtherRun)]));
            store.Take(AttestationShards.SetOf([Attestations.Signed(AttestationKind.Reputation, 0, 1)]));
        }

        store = NewStore();
        await using (ReplicationDatabase database = Open(store))
        {
            Assert.Equal(3, store.Contributions.Count);
            store.Scope = Scope(Contributions.Run);
            store.Prune(Contributions.Run, 5);
            store.Take(AttestationShards.SetOf([Attestations.Signed(AttestationKind.Reputation, 0, 2)]));
        }

        using DurableTables tables = DurableTables.Open(File);
        Assert.Single(tables.Load(ReplicationRows.Contributions));
        Assert.Single(tables.Load(ReplicationRows.Attestations));
        Assert.Equal([9u], NewState(tables).Contributions.RoundsOf(Contributions.Run));
        Assert.Equal([2u], NewState(tables).Attestations.All.Select(a => a.Version));
    }

    [Fact]
    public async Task An_own_statement_that_is_saved_stays_though_the_store_has_not_got_it_yet()
    {
        Contribution own = Contributions.Signed(0, 5);
        Attestation attestation = Attestations.Signed(AttestationKind.Checkpoint, 0, 5);
        ReplicationStore store = NewStore(Contributions.Run);
        await using (ReplicationDatabase database = Open(store))
        {
            Assert.True(await database.SaveAsync(own));
            Assert.True(await database.SaveAsync(attestation));
            store.Take(SetOf([Contributions.Signed(1, 5)])); // the next write knows the store's content only
        }

        store = NewStore();
        await using ReplicationDatabase reopened = Open(store);
        Assert.True(store.Contributions.TryGet(Contributions.Run, 5, own.Peer, out _));
        Assert.True(store.Attestations.Contains(attestation));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("forged contribution")]
    [InlineData("forged attestation")]
    [InlineData("settings of another run")]
    [InlineData("under another id")]
    [InlineData("watermark")]
    public async Task A_damaged_row_is_dropped_and_counted_and_the_others_are_loaded(string damage)
    {
        Contribution sound = Contributions.Signed(0, 1);
        await FillAsync([sound, Contributions.Signed(1, 2)]);
        Attestation attestation = Attestations.Signed(AttestationKind.RunSettings, 0, 1);
        Contribution forged = Contributions.Signed(1, 2) with { SampleCount = 9 };
        byte[] id = ReplicationRows.IdOf((forged.Run, forged.Round, forged.Peer));
        Attestation bad = damage == "forged attestation"
            ? attestation with { Signature = default }
            : Attestations.Resigned(attestation with { Payload = new byte[] { 1 } }, 0);
        TableChange row = damage switch
        {
            "garbage" => new(ReplicationRows.Contributions, id, new byte[] { 0xc1, 2, 3 }),
            "forged contribution" => new(ReplicationRows.Contributions, id, ReplicationRows.ContentOf(new ContributionEntry(forged))),
            "under another id" => new(ReplicationRows.Contributions, id, ReplicationRows.ContentOf(new ContributionEntry(sound))),
            "watermark" => new(ReplicationRows.Watermarks, id, new byte[] { 1 }),
            _ => new(ReplicationRows.Attestations, ReplicationRows.IdOf(ReplicationRows.KeyOf(bad)), ReplicationRows.ContentOf(bad)),
        };
        Write(row);

        ReplicationReport found = ReplicationDatabase.Check(File, repair: false);
        ReplicationStore store = NewStore();
        await using (ReplicationDatabase database = Open(store))
        {
            Assert.Equal(1, database.DroppedRows);
        }

        Assert.Equal((1, false, false), (found.BadRows, found.IsSound, found.IsRepaired));
        Assert.Contains(sound, store.Contributions.Entries.Select(entry => entry.First));
        Assert.True(store.Attestations.IsBottom);
        Assert.Contains(_log.Entries, entry => entry.Line.Contains("1 damaged rows"));
        Assert.True(ReplicationDatabase.Check(File, repair: false).IsSound); // gone with the first write
    }

    [Fact]
    public async Task A_check_repairs_rows_and_puts_a_damaged_file_aside()
    {
        Assert.True(ReplicationDatabase.Check(File, repair: true).IsSound);
        Assert.False(System.IO.File.Exists(File));
        await FillAsync([Contributions.Signed(0, 1), Contributions.Signed(1, 1)]);
        Write(new TableChange(ReplicationRows.Attestations, new byte[] { 1 }, new byte[] { 2 }));

        Assert.Equal(new ReplicationReport(3, 1, null, null, true), ReplicationDatabase.Check(File, repair: true));
        Assert.Equal(new ReplicationReport(2, 0, null, null, false), ReplicationDatabase.Check(File, repair: true));

        await System.IO.File.WriteAllTextAsync(File, new string('x', 20_000), TestContext.Current.CancellationToken);
        ReplicationReport damaged = ReplicationDatabase.Check(File, repair: false);
        Assert.Contains(File, damaged.Fault);
        Assert.True(System.IO.File.Exists(File));
        DurableTablesException refused = Assert.Throws<DurableTablesException>(() => Open(NewStore()));
        Assert.Equal(DurableTablesProblem.Damaged, refused.Problem);

        ReplicationReport repaired = ReplicationDatabase.Check(File, repair: true);
        Assert.Equal(File + ".damaged", repaired.SetAside);
        Assert.True(repaired.IsRepaired && System.IO.File.Exists(repaired.SetAside) && !System.IO.File.Exists(File));
        await using ReplicationDatabase fresh = Open(NewStore());
    }

    [Fact]
    public async Task A_disk_that_fails_is_told_of_once_a_minute_and_what_it_missed_is_written_later()
    {
        bool fails = true;
        ReplicationStore store = NewStore(Contributions.Run);
        DurableTables? writer = null;
        await using (ReplicationDatabase database = ReplicationDatabase.Open(File, store, _time, _log.CreateLogger("replication"), Apply))
        {
            store.Take(SetOf([Contributions.Signed(1, 1)]));
            for (uint round = 2; round < 5; round++)
            {
                Assert.False(await database.SaveAsync(Contributions.Signed(0, round)));
            }

            Assert.Equal(1, Count("cannot be saved"));
            _time.Advance(TimeSpan.FromMinutes(1));
            Assert.False(await database.SaveAsync(Contributions.Signed(0, 5)));
            Assert.Equal(2, Count("cannot be saved"));

            fails = false;
            Assert.True(await database.SaveAsync(Contributions.Signed(0, 6)));
            Assert.Equal(1, Count("saved again"));
            writer?.Dispose();
        }

        store = NewStore();
        await using ReplicationDatabase reopened = Open(store);
        Assert.Equal([1u, 6u], store.Contributions.RoundsOf(Contributions.Run)); // what was refused is not there, what came from others is

        void Apply(IReadOnlyList<TableChange> changes)
        {
            if (fails)
            {
                throw new DurableTablesException(DurableTablesProblem.DiskFull, "the disk is full");
            }

            writer ??= DurableTables.Open(File);
            writer.Apply(changes);
        }
    }

    [Fact]
    public async Task A_full_disk_refuses_and_loses_nothing()
    {
        using SmallDisk disk = new(megabytes: 1);
        string file = Path.Combine(disk.Folder, "replicated.db");
        ReplicationStore store = NewStore();
        List<Attestation> saved = [];
        int refused = 0;
        await using (ReplicationDatabase database = ReplicationDatabase.Open(file, store, _time, _log.CreateLogger("replication")))
        {
            foreach (Attestation attestation in Enumerable.Range(0, 200).Select(
                i => Attestations.Signed(AttestationKind.Reputation, i % 8, 1, payloadBytes: 4096, run: $"run {i}")))
            {
                if (await database.SaveAsync(attestation))
                {
                    saved.Add(attestation);
                }
                else
                {
                    refused++;
                }
            }
        }

        Assert.True(saved.Count > 10 && refused > 10, $"{saved.Count} saved, {refused} refused");
        Assert.Equal(1, Count("cannot be saved"));
        string copy = Path.Combine(_folder, "copy.db");
        System.IO.File.Copy(file, copy);
        if (System.IO.File.Exists(file + "-wal"))
        {
            System.IO.File.Copy(file + "-wal", copy + "-wal");
        }

        using DurableTables tables = DurableTables.Open(copy);
        Assert.Null(tables.FindFault());
        AttestationSet kept = NewState(tables).Attestations;
        Assert.All(saved, attestation => Assert.True(kept.Contains(attestation)));
    }

    [Fact]
    public async Task After_the_end_nothing_is_saved_any_more()
    {
        ReplicationDatabase database = Open(NewStore());
        await database.DisposeAsync();

        Assert.False(await database.SaveAsync(Contributions.Signed(0, 1)));
        database.SaveSoon();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static ContributionSet SetOf(IEnumerable<Contribution> contributions) =>
        contributions.Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State);

    internal static ContributionScope Scope(params RunId[] runs) => new() { Runs = runs.ToDictionary(run => run, _ => new RunScope(LastRound: 1_000_000)) };

    private static ReplicationState NewState(DurableTables tables) => ReplicationContent.Load(tables, new Ed25519Verifier()).State;

    private static ReplicationStore NewStore(params RunId[] follows)
    {
        ReplicationStore store = new(new Ed25519Verifier());
        if (follows.Length > 0)
        {
            store.Scope = Scope(follows);
        }

        return store;
    }

    private ReplicationDatabase Open(ReplicationStore store) => ReplicationDatabase.Open(File, store, _time, _log.CreateLogger("replication"));

    private async Task FillAsync(Contribution[] contributions)
    {
        ReplicationStore store = NewStore(Contributions.Run);
        await using ReplicationDatabase database = ReplicationDatabase.Open(File, store, _time, NullLogger.Instance);
        store.Take(SetOf(contributions));
    }

    private void Write(TableChange row)
    {
        using DurableTables tables = DurableTables.Open(File);
        tables.Apply([row]);
    }

    private int Count(string words) => _log.Entries.Count(entry => entry.Line.Contains(words));
}
