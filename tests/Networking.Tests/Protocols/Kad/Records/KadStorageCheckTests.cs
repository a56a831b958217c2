using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class KadStorageCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-dht-").FullName;

    private string FilePath => Path.Combine(_folder, "dht.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_that_is_not_there_is_fine_and_is_not_made()
    {
        Assert.Equal(new KadStorageReport(), KadStorageCheck.Run(FilePath, repair: true));
        Assert.False(File.Exists(FilePath));
    }

    [Fact]
    public async Task What_stores_wrote_can_be_read()
    {
        await FillAsync();
        KadStorageReport report = KadStorageCheck.Run(FilePath, repair: false);
        Assert.Equal(new KadStorageReport { Exists = true, Records = 1, Providers = 1, Announcements = 2 }, report);
        Assert.True(report.IsClean);
    }

    [Fact]
    public async Task Entries_that_cannot_be_read_are_counted_and_a_repair_deletes_them()
    {
        await FillAsync();
        using (DurableTables tables = DurableTables.Open(FilePath))
        {
            tables.Apply([.. Enumerable.Range(0, 3).Select(i => new TableChange(i, new byte[] { 1 }, new byte[] { 0xff }))]);
        }

        Assert.True(KadStorageCheck.Run(FilePath, repair: false) is { Unreadable: 3, IsClean: false, IsRepaired: false });
        Assert.True(KadStorageCheck.Run(FilePath, repair: true) is { Unreadable: 3, IsRepaired: true, MovedTo: null });
        Assert.True(KadStorageCheck.Run(FilePath, repair: false) is { IsClean: true, Records: 1, Announcements: 2 });
    }

    [Fact]
    public async Task A_damaged_file_is_put_aside_and_an_empty_one_made()
    {
        await FillAsync();
        byte[] damaged = [.. "no database"u8, .. new byte[5000]];
        File.WriteAllBytes(FilePath, damaged);
        File.WriteAllBytes(FilePath + "-wal", [1]);
        KadStorageReport report = KadStorageCheck.Run(FilePath, repair: false);
        Assert.StartsWith($"{FilePath} is damaged: ", report.Fault, StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(FilePath));

        report = KadStorageCheck.Run(FilePath, repair: true);
        Assert.Equal((FilePath + ".damaged", true), (report.MovedTo, report.IsRepaired));
        Assert.Equal(damaged, File.ReadAllBytes(FilePath + ".damaged"));
        Assert.Equal(new KadStorageReport { Exists = true }, KadStorageCheck.Run(FilePath, repair: false));
    }

    private async Task FillAsync()
    {
        KadKey self = KadKey.Of(KadSamples.Id(0));
        await using SqliteKadStorage storage = SqliteKadStorage.Open(FilePath, TimeProvider.System, NullLoggerFactory.Instance);
        var records = new RecordStore(self, new RecordStoreOptions(), AnyValidator.Only, storage, KadSamples.Start);
        records.Put(AnyValidator.Key(1), "a"u8, KadSamples.Id(1), KadSamples.Start, out _);
        new ProviderStore(self, new ProviderStoreOptions(), storage, KadSamples.Start)
            .Add(Multihash.Sha256("x"u8), KadSamples.Peer(1), KadSamples.Start);
        var announcements = new Announcements(new KadOptions(), storage, KadSamples.Start);
        announcements.Add(new Announcement(Multihash.Sha256("y"u8).Bytes.ToArray(), null));
        announcements.Add(new Announcement(SignedSamples.Key, SignedSamples.Right(KadSamples.Start)));
    }
}
