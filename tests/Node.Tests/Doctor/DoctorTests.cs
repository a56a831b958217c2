using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Doctor;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Tests.Doctor;

/// <summary>Each check sees the damage in a real directory, puts it right, and is content then.</summary>
public sealed class DoctorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DataDirectory _data;
    private long _freeBytes = 1L << 40;

    public DoctorTests() => _data = DataDirectory.Open(_folder.Path);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_directory_in_order_is_ok_in_every_check()
    {
        await FillAsync();
        Assert.All(await RunAsync(false), f => Assert.Equal((f.Check, FindingState.Ok), (f.Check, f.Finding.State)));
    }

    [Fact]
    public async Task An_empty_directory_has_no_problem_and_a_check_makes_nothing()
    {
        Assert.DoesNotContain(await RunAsync(true), f => f.Finding.State is FindingState.Problem or FindingState.Repaired);
        Assert.Equal(["lock"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Open_secrets_are_closed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no such permissions on Windows");
        await FillAsync();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_data.MeshKeyFile, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        }

        Assert.Contains("mesh.key", await ProblemThenRepairedThenOkAsync("permissions"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_identity_is_told_and_never_put_aside()
    {
        using KeyPair key = IdentityFile.Create(_data.IdentityFile);
        Assert.Equal($"peer id {key.PeerId}", (await CheckAsync("identity.key", false)).What);
        byte[] good = await File.ReadAllBytesAsync(_data.IdentityFile, Ct);
        await File.WriteAllBytesAsync(_data.IdentityFile, good[..20], Ct);
        Assert.Equal(FindingState.Problem, (await CheckAsync("identity.key", true)).State);
        Assert.Equal(good[..20], await File.ReadAllBytesAsync(_data.IdentityFile, Ct));
        await File.WriteAllBytesAsync(_data.IdentityFile, good, Ct);
        Assert.Equal(FindingState.Ok, (await CheckAsync("identity.key", false)).State);
    }

    [Fact]
    public async Task A_damaged_mesh_key_is_told_and_never_put_aside_nor_shown()
    {
        await File.WriteAllTextAsync(_data.MeshKeyFile, "half a k", Ct);
        Finding finding = await CheckAsync("mesh.key", true);
        Assert.Equal(FindingState.Problem, finding.State);
        Assert.DoesNotContain("half a k", finding.What, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_data.MeshKeyFile, MeshKey.Generate().ToString(), Ct);
        Assert.Equal(FindingState.Ok, (await CheckAsync("mesh.key", true)).State);
    }

    [Fact]
    public async Task A_damaged_token_or_port_is_deleted_and_made_anew_by_the_next_start()
    {
        string token = _data.GetOrCreateToken();
        await File.WriteAllTextAsync(_data.TokenFile, token[..10], Ct);
        await File.WriteAllTextAsync(_data.PortFile, "85", Ct);
        await File.WriteAllTextAsync(_data.PortFile, "eight", Ct);
        await ProblemThenRepairedThenOkAsync("management");
        Assert.Equal(DataDirectory.TokenLength, _data.GetOrCreateToken().Length);
    }

    [Fact]
    public async Task Damaged_progress_is_put_aside()
    {
        ProgressFile.Write(_data.ProgressFile, new Progress(RunId.Of([1]), 7, null, new byte[100]));
        Assert.Contains("round 7 done", (await CheckAsync("progress.bin", false)).What, StringComparison.Ordinal);
        byte[] bytes = await File.ReadAllBytesAsync(_data.ProgressFile, Ct);
        bytes[90] ^= 1;
        await File.WriteAllBytesAsync(_data.ProgressFile, bytes, Ct);
        Assert.Contains("checksum", await ProblemThenRepairedThenOkAsync("progress.bin"), StringComparison.Ordinal);
        Assert.False(File.Exists(_data.ProgressFile));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(_data.ProgressFile + ".damaged", Ct));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(40)]
    [InlineData(100)]
    public async Task A_torn_model_is_put_aside(int length)
    {
        await WriteModelAsync();
        Assert.Equal("1 tensors, 40 bytes", (await CheckAsync("model.safetensors", false)).What);
        await File.WriteAllBytesAsync(_data.ModelFile, (await File.ReadAllBytesAsync(_data.ModelFile, Ct))[..length], Ct);
        await ProblemThenRepairedThenOkAsync("model.safetensors");
    }

    [Fact]
    public async Task A_damaged_block_is_forgotten_and_an_orphan_taken_in()
    {
        Block[] blocks = await WriteBlocksAsync(5);
        string file = Directory.EnumerateFiles(_data.BlocksFolder, blocks[2].Cid.ToString(), SearchOption.AllDirectories).Single();
        byte[] bytes = await File.ReadAllBytesAsync(file, Ct);
        bytes[0] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, Ct);
        Assert.Contains("0 missing, 1 damaged, 0 not in the index", await ProblemThenRepairedThenOkAsync("blocks"), StringComparison.Ordinal);
        await using FileBlockStore store = await OpenStoreAsync();
        Assert.Equal(4, store.Stats().BlockCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_damaged_index_is_made_anew_of_the_blocks(int from)
    {
        await WriteBlocksAsync(200);
        string index = Path.Combine(_data.BlocksFolder, "index.db");
        byte[] bytes = await File.ReadAllBytesAsync(index, Ct);
        Array.Fill(bytes, (byte)0x55, from * 4096, bytes.Length - (from * 4096)); // not even a database; or one with torn pages
        await File.WriteAllBytesAsync(index, bytes, Ct);
        await ProblemThenRepairedThenOkAsync("blocks");
        await using FileBlockStore store = await OpenStoreAsync();
        Assert.Equal(200, store.Stats().BlockCount);
        Assert.True(File.Exists(index + ".damaged"));
    }

    [Theory]
    [InlineData("replicated.db")]
    [InlineData("dht.db")]
    public async Task A_damaged_database_is_put_aside(string name)
    {
        string file = Path.Combine(_folder.Path, name);
        WriteDatabase(file);
        Assert.Equal(FindingState.Ok, (await CheckAsync(name, false)).State);
        byte[] bytes = await File.ReadAllBytesAsync(file, Ct);
        Array.Fill(bytes, (byte)0x55, 4096, bytes.Length - 4096);
        await File.WriteAllBytesAsync(file, bytes, Ct);
        await ProblemThenRepairedThenOkAsync(name);
        Assert.True(File.Exists(file + ".damaged"));
    }

    [Fact]
    public async Task A_damaged_memory_of_peers_is_put_aside()
    {
        await WritePeersAsync();
        Assert.Contains("1 members", (await CheckAsync("peers", false)).What, StringComparison.Ordinal);
        await File.AppendAllTextAsync(_data.PeersFile, "more\n", Ct);
        await ProblemThenRepairedThenOkAsync("peers");
    }

    [Fact]
    public async Task Lines_that_are_no_members_are_taken_out()
    {
        using KeyPair key = KeyPair.Generate();
        await File.WriteAllTextAsync(_data.MembersFile, $"{key.PeerId}\n12D3Koo", Ct);
        await ProblemThenRepairedThenOkAsync("members");
        Assert.Equal($"{key.PeerId}\n", await File.ReadAllTextAsync(_data.MembersFile, Ct));
    }

    [Fact]
    public async Task Unreadable_lines_of_the_event_log_are_replaced_by_notes()
    {
        await WriteEventsAsync();
        string good = await File.ReadAllTextAsync(_data.EventFile, Ct);
        await File.WriteAllTextAsync(_data.EventFile + ".1", "rubb\n" + good, Ct);
        await File.WriteAllTextAsync(_data.EventFile, good + "{\"event\":\"of another version\"}\n" + good[..20], Ct);
        string what = await ProblemThenRepairedThenOkAsync("events.jsonl");
        Assert.Contains("2 unreadable lines between 3 events (events.jsonl.1:1: no JSON)", what, StringComparison.Ordinal);
        List<MeshEvent> events = [];
        List<SkippedLine> skipped = [];
        await foreach (MeshEvent happened in new EventLogReader(_data.EventFile, skipped.Add).ReadAsync(Ct))
        {
            events.Add(happened);
        }

        Assert.Equal([4, 20], events.OfType<TornLine>().Select(t => t.Bytes));
        Assert.Equal(2, events.OfType<NodeStopped>().Count());
        Assert.Equal("an event of another version", Assert.Single(skipped).Reason);
    }

    [Fact]
    public async Task A_torn_line_that_the_node_has_noted_is_no_problem()
    {
        await WriteEventsAsync();
        await File.AppendAllTextAsync(_data.EventFile, "{\"event", Ct);
        await WriteEventsAsync();
        Assert.Equal((FindingState.Ok, "3 events"), ((await CheckAsync("events.jsonl", false)).State, (await CheckAsync("events.jsonl", false)).What));
    }

    [Fact]
    public async Task What_a_crash_left_half_written_is_harmless_and_removed()
    {
        await File.WriteAllTextAsync(_data.ProgressFile + ".new", "torn", Ct);
        await File.WriteAllTextAsync(_data.ModelFile + ".tmp", "torn", Ct);
        Assert.Equal(FindingState.Note, (await CheckAsync("stray files", false)).State);
        Assert.Equal("removed model.safetensors.tmp, progress.bin.new", (await CheckAsync("stray files", true)).What);
        Assert.Equal(FindingState.Ok, (await CheckAsync("stray files", false)).State);
    }

    [Fact]
    public async Task A_disk_that_is_nearly_full_is_worth_a_note()
    {
        _freeBytes = DiskSpaceCheck.WarnBytes - 1;
        Assert.Equal(FindingState.Note, (await CheckAsync("disk space", false)).State);
        _freeBytes++;
        Assert.Equal(FindingState.Ok, (await CheckAsync("disk space", false)).State);
    }

    [Fact]
    public async Task What_cannot_be_read_is_a_problem_of_its_own_check_only()
    {
        await FillAsync();
        File.Delete(_data.IdentityFile);
        await File.WriteAllBytesAsync(_data.IdentityFile, new byte[DataDirectory.MaxSecretBytes + 1], Ct);
        (string check, Finding finding) = Assert.Single(await RunAsync(false), f => f.Finding.State == FindingState.Problem && f.Check != "permissions");
        Assert.Equal("identity.key", check);
        Assert.Contains("too many", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_report_is_one_line_a_check_or_an_array()
    {
        await File.WriteAllTextAsync(_data.MeshKeyFile, "bad", Ct);
        IReadOnlyList<(string, Finding)> findings = await RunAsync(false);
        string[] lines = DoctorReport.Text(findings).TrimEnd('\n').Split('\n');
        Assert.Equal(DoctorChecks.All.Count, lines.Length);
        Assert.Contains(lines, l => l.StartsWith("mesh.key           problem   damaged: not a mesh key; write", StringComparison.Ordinal));
        JsonElement json = JsonDocument.Parse(DoctorReport.Json(findings)).RootElement;
        JsonElement mesh = json.EnumerateArray().Single(e => e.GetProperty("check").GetString() == "mesh.key");
        Assert.Equal("problem", mesh.GetProperty("state").GetString());
        Assert.Equal("damaged: not a mesh key", mesh.GetProperty("what").GetString());
    }

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    /// <summary>Problem without repair and nothing changed; repaired with it; ok afterwards.</summary>
    /// <returns>What the problem was.</returns>
    private async Task<string> ProblemThenRepairedThenOkAsync(string check)
    {
        Finding problem = await CheckAsync(check, false);
        Assert.True(problem.State == FindingState.Problem, $"{problem}");
        Assert.NotNull(problem.Remedy);
        Assert.Equal(problem, await CheckAsync(check, false));
        Finding repaired = await CheckAsync(check, true);
        Assert.True(repaired.State == FindingState.Repaired, $"{repaired}");
        Finding ok = await CheckAsync(check, false);
        Assert.True(ok.State == FindingState.Ok, $"{ok}");
        return problem.What;
    }

    private async Task<Finding> CheckAsync(string check, bool repair) => Assert.Single(
        await DoctorRunner.RunAsync(Context(), [DoctorChecks.All.Single(c => c.Name == check)], repair, Ct)).Finding;

    private Task<IReadOnlyList<(string Check, Finding Finding)>> RunAsync(bool repair) =>
        DoctorRunner.RunAsync(Context(), DoctorChecks.All, repair, Ct);

    private DoctorContext Context() => new(_data, TimeProvider.System, _ => _freeBytes);

    private async Task FillAsync()
    {
        IdentityFile.Create(_data.IdentityFile).Dispose();
        DataDirectory.WriteSecret(_data.MeshKeyFile, System.Text.Encoding.ASCII.GetBytes(MeshKey.Generate().ToString()));
        _data.GetOrCreateToken();
        _data.WriteManagementPort(8558);
        ProgressFile.Write(_data.ProgressFile, new Progress(RunId.Of([1]), 7, null, new byte[100]));
        await WriteModelAsync();
        await WriteBlocksAsync(3);
        WriteDatabase(_data.ReplicatedFile);
        WriteDatabase(_data.DhtFile);
        await WritePeersAsync();
        using KeyPair key = KeyPair.Generate();
        await File.WriteAllTextAsync(_data.MembersFile, $"{key.PeerId}\n", Ct);
        await WriteEventsAsync();
    }

    private async Task WriteModelAsync()
    {
        byte[] header = System.Text.Encoding.UTF8.GetBytes("""{"w":{"dtype":"F32","shape":[10],"data_offsets":[0,40]}}""".PadRight(120));
        await File.WriteAllBytesAsync(_data.ModelFile, [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[40]], Ct);
    }

    private Task<FileBlockStore> OpenStoreAsync() =>
        FileBlockStore.OpenAsync(_data.BlocksFolder, new BlockStoreOptions(), TimeProvider.System, NullLoggerFactory.Instance, Ct);

    private async Task<Block[]> WriteBlocksAsync(int count)
    {
        await using FileBlockStore store = await OpenStoreAsync();
        Block[] blocks = [.. Enumerable.Range(0, count).Select(i => Block.Create(BitConverter.GetBytes(i)))];
        await Task.WhenAll(blocks.Select(b => store.PutAsync(b, Ct).AsTask()));
        return blocks;
    }

    private static void WriteDatabase(string file)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode=WAL; CREATE TABLE t (a TEXT); INSERT INTO t VALUES (hex(randomblob(4000))), (hex(randomblob(4000)))";
        command.ExecuteNonQuery();
    }

    private async Task WritePeersAsync()
    {
        await using var cache = new PeerCache(_data.PeersFile, new PeerCacheOptions(), TimeProvider.System, NullLoggerFactory.Instance);
        using KeyPair key = KeyPair.Generate();
        cache.Seen(key.PeerId, [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001")]);
    }

    private async Task WriteEventsAsync()
    {
        await using var log = new EventLog(_data.EventFile, 1 << 20, null, TimeProvider.System);
        log.Record(new NodeStopped());
    }
}
