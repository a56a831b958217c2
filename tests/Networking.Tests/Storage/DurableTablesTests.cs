using Microsoft.Data.Sqlite;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Tests.Storage;

public sealed class DurableTablesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-tables-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "tables.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Entries_are_there_again_after_reopening()
    {
        using (DurableTables tables = DurableTables.Open(Path))
        {
            tables.Apply([Put(1, 0x80, 1, 2), Put(1, 0x7f), Put(2, 0x80, 3), new TableChange(1, ReadOnlyMemory<byte>.Empty, new byte[] { 9 })]);
            tables.Apply([Put(1, 0x80, 4), Put(2, 5, 5), new TableChange(2, new byte[] { 5 }, null), new TableChange(3, new byte[] { 6 }, null)]);
        }

        using DurableTables again = DurableTables.Open(Path);
        Assert.Equal(["=09", "7f=", "80=04"], again.Load(1).Select(Text));
        Assert.Equal(["80=03"], again.Load(2).Select(Text));
        Assert.Empty(again.Load(3));
        Assert.Null(again.FindFault());
    }

    [Fact]
    public void Changes_of_one_call_are_made_in_their_order()
    {
        using DurableTables tables = DurableTables.Open(Path);
        tables.Apply([Put(1, 1, 1), new TableChange(1, new byte[] { 1 }, null), Put(1, 1, 2), Put(1, 2, 3), new TableChange(1, new byte[] { 2 }, null)]);
        tables.Apply([]);
        Assert.Equal(["01=02"], tables.Load(1).Select(Text));
    }

    [Fact]
    public void Several_threads_may_use_it_at_once()
    {
        using DurableTables tables = DurableTables.Open(Path);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            for (int i = 0; i < 20; i++)
            {
                tables.Apply([Put(thread, (byte)i, 1), Put(100, (byte)((thread * 20) + i), (byte)thread)]);
                Assert.Equal(i + 1, tables.Load(thread).Count);
            }
        });

        Assert.Equal(160, tables.Load(100).Count);
        Assert.Null(tables.FindFault());
    }

    [Theory]
    [InlineData("not SQLite")]
    [InlineData("torn header")]
    [InlineData("cut in half")]
    [InlineData("a page of noise")]
    public void A_damaged_file_is_an_error_of_one_line_that_names_it(string damage)
    {
        using (DurableTables tables = DurableTables.Open(Path))
        {
            tables.Apply([.. Enumerable.Range(0, 200).Select(i => Put(i % 3, (byte)i, new byte[500]))]);
        }

        Damage(damage);
        var thrown = Assert.Throws<DurableTablesException>(() => DurableTables.Open(Path));
        Assert.Equal(DurableTablesProblem.Damaged, thrown.Problem);
        Assert.StartsWith($"{Path} is damaged: ", thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', thrown.Message);
    }

    [Fact]
    public void Damage_that_comes_while_it_is_open_is_found()
    {
        using DurableTables tables = DurableTables.Open(Path);
        tables.Apply([.. Enumerable.Range(0, 200).Select(i => Put(1, (byte)i, new byte[500]))]);
        Checkpoint();
        Assert.Null(tables.FindFault());
        Damage("a page of noise");
        using (var other = new SqliteConnection($"Data Source={Path};Pooling=False"))
        {
            // A write by another connection makes SQLite forget the pages that it remembers.
            other.Open();
            using SqliteCommand command = other.CreateCommand();
            command.CommandText = "PRAGMA user_version = 1";
            command.ExecuteNonQuery();
        }

        string? fault = tables.FindFault();
        Assert.NotNull(fault);
        Assert.DoesNotContain('\n', fault);
    }

    [Fact]
    public void A_file_of_a_newer_version_is_left_alone()
    {
        using (var connection = new SqliteConnection($"Data Source={Path};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE later (x); PRAGMA user_version = 2";
            command.ExecuteNonQuery();
        }

        byte[] before = File.ReadAllBytes(Path);
        var thrown = Assert.Throws<DurableTablesException>(() => DurableTables.Open(Path));
        Assert.Equal(DurableTablesProblem.NewerVersion, thrown.Problem);
        Assert.Equal($"{Path} has version 2, this program knows 1", thrown.Message);
        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_a_failure()
    {
        var thrown = Assert.Throws<DurableTablesException>(() => DurableTables.Open(System.IO.Path.Combine(_folder, "none", "tables.db")));
        Assert.Equal(DurableTablesProblem.Failed, thrown.Problem);
        Assert.DoesNotContain('\n', thrown.Message);
    }

    [Fact]
    public void A_full_disk_changes_nothing_and_it_goes_on_when_there_is_room()
    {
        using var disk = new SmallDisk(2);
        using FileStream room = File.Create(System.IO.Path.Combine(disk.Folder, "room"));
        room.Write(new byte[500_000]);
        room.Flush();
        using DurableTables tables = DurableTables.Open(System.IO.Path.Combine(disk.Folder, "tables.db"));
        int applied = 0;
        var full = Assert.Throws<DurableTablesException>(ApplyUntilFull);
        Assert.Equal(DurableTablesProblem.DiskFull, full.Problem);
        Assert.True(applied > 5, $"{applied} fitted");
        Assert.Equal(applied, tables.Load(1).Count);
        Assert.Equal(applied, tables.Load(2).Count);
        Assert.Null(tables.FindFault());
        room.SetLength(0);
        tables.Apply([.. Enumerable.Range(0, applied).Select(i => new TableChange(2, new[] { (byte)i }, null))]);
        Assert.Empty(tables.Load(2));

        void ApplyUntilFull()
        {
            for (; applied < 200; applied++)
            {
                tables.Apply([Put(1, (byte)applied, new byte[20_000]), Put(2, (byte)applied, 1)]);
            }
        }
    }

    [Fact]
    public void Closing_twice_is_harmless()
    {
        DurableTables tables = DurableTables.Open(Path);
        tables.Dispose();
        tables.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tables.Apply([Put(1, 1)]));
    }

    private static TableChange Put(int table, byte id, params byte[] content) => new(table, new[] { id }, content);

    private static string Text(StoredEntry entry) => $"{Convert.ToHexStringLower(entry.Id)}={Convert.ToHexStringLower(entry.Content)}";

    private void Checkpoint()
    {
        using var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
        command.ExecuteNonQuery();
    }

    private void Damage(string how)
    {
        using FileStream file = File.Open(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        switch (how)
        {
            case "not SQLite":
                file.SetLength(0);
                file.Write("these are not the tables"u8);
                break;
            case "torn header":
                file.Write(new byte[100]);
                break;
            case "cut in half":
                file.SetLength(file.Length / 2 / 4096 * 4096);
                break;
            default:
                byte[] noise = new byte[4096];
                new Random(1).NextBytes(noise);
                file.Position = file.Length / 2 / 4096 * 4096;
                file.Write(noise);
                break;
        }
    }
}
