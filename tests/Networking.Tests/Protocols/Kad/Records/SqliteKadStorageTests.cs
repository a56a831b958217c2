using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;
using P2PLearn.Networking.Storage;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class SqliteKadStorageTests : IDisposable
{
    private static readonly KadKey Self = KadKey.Of(KadSamples.Id(0));
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-dht-").FullName;

    private string FilePath => Path.Combine(_folder, "dht.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Values_and_providers_are_there_after_a_restart()
    {
        await using (SqliteKadStorage storage = Open(FilePath))
        {
            var records = new RecordStore(Self, new RecordStoreOptions(), AnyValidator.Only, storage, Start);
            var providers = new ProviderStore(Self, new ProviderStoreOptions(), storage, Start);
            for (int i = 0; i < 3_000; i++)
            {
                records.Put(AnyValidator.Key(i), "a"u8, KadSamples.Id(i), Start.AddHours(i % 2 == 0 ? 0 : 10), out _);
                providers.Add(Multihash.Sha256(BitConverter.GetBytes(i)), KadSamples.Peer(i), Start);
            }

            records.RemoveExpired(Start.AddHours(50));
        }

        await using SqliteKadStorage again = Open(FilePath);
        var restarted = new RecordStore(Self, new RecordStoreOptions(), AnyValidator.Only, again, Start.AddHours(11));
        Assert.Equal(1_500, restarted.Count);
        Assert.NotNull(restarted.Get(AnyValidator.Key(1), Start.AddHours(11)));
        Assert.Equal(3_000, new ProviderStore(Self, new ProviderStoreOptions(), again, Start.AddHours(11)).Count);
    }

    [Fact]
    public async Task What_was_flushed_is_on_the_disk_while_the_storage_is_open()
    {
        await using SqliteKadStorage storage = Open(FilePath);
        await storage.FlushAsync(default).LimitAsync("nothing to flush");
        for (int i = 0; i < 100; i++)
        {
            storage.Save(Entry(i));
            await storage.FlushAsync(default).LimitAsync("the flush");
            using DurableTables seen = DurableTables.Open(FilePath);
            Assert.Equal(i + 1, seen.Load((int)KadTable.Records).Count);
        }
    }

    [Fact]
    public async Task Many_threads_hand_over_and_each_finds_its_own_flushed()
    {
        await using SqliteKadStorage storage = Open(FilePath);
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, token) =>
        {
            storage.Save(Entry(i));
            await storage.FlushAsync(token).LimitAsync("a flush");
        });
        await storage.DisposeAsync();
        using DurableTables seen = DurableTables.Open(FilePath);
        Assert.Equal(400, seen.Load((int)KadTable.Records).Count);
    }

    [Fact]
    public async Task A_full_disk_fails_the_flush_and_it_is_written_when_there_is_room()
    {
        using var disk = new SmallDisk(1);
        var time = new FakeTimeProvider();
        string path = Path.Combine(disk.Folder, "dht.db");
        await using SqliteKadStorage storage = SqliteKadStorage.Open(path, time, NullLoggerFactory.Instance);
        string filler = Path.Combine(disk.Folder, "filler");
        Fill(filler);
        storage.Save(Entry(1, 100_000));
        var full = await Assert.ThrowsAsync<IOException>(() => FlushWithRetriesAsync(storage, time));
        Assert.Equal($"the disk of {path} is full", full.Message);

        File.Delete(filler);
        await FlushWithRetriesAsync(storage, time);
        await storage.DisposeAsync();
        using DurableTables seen = DurableTables.Open(path);
        Assert.Equal(100_000, Assert.Single(seen.Load((int)KadTable.Records)).Content.Length);
    }

    [Fact]
    public async Task Closing_writes_what_waits_and_nothing_is_taken_after_it()
    {
        SqliteKadStorage storage = Open(FilePath);
        storage.Save(Entry(1));
        storage.Save(Entry(2));
        storage.Delete(KadTable.Records, Entry(2).Id);
        await storage.DisposeAsync();
        await storage.DisposeAsync(); // twice is fine
        storage.Save(Entry(3));
        await Assert.ThrowsAsync<IOException>(() => storage.FlushAsync(default).LimitAsync("the refusal"));
        using DurableTables seen = DurableTables.Open(FilePath);
        Assert.Single(seen.Load((int)KadTable.Records));
    }

    /// <summary>A flush beside a clock that runs: the try before it may be over by now, and then it waits for the next one.</summary>
    private static async Task FlushWithRetriesAsync(SqliteKadStorage storage, FakeTimeProvider time)
    {
        Task flush = storage.FlushAsync(default);
        await Within.UntilAsync(
            () =>
            {
                time.Advance(SqliteKadStorage.RetryInterval);
                return flush.IsCompleted;
            },
            "the flush");
        await flush;
    }

    private static KadStoredEntry Entry(int number, int bytes = 10) => new(KadTable.Records, BitConverter.GetBytes(number), new byte[bytes]);

    private static SqliteKadStorage Open(string path) => SqliteKadStorage.Open(path, TimeProvider.System, NullLoggerFactory.Instance);

    private static void Fill(string path)
    {
        using FileStream filler = File.Create(path);
        try
        {
            while (true)
            {
                filler.Write(new byte[4096]);
                filler.Flush();
            }
        }
        catch (IOException)
        {
            // To the last byte.
        }
    }
}
