using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Replication;

public sealed class ReplicationKillTests
{
    [Fact]
    public Task What_was_acknowledged_survives_kill_9_at_any_moment() => KillAsync(6);

    [Fact(Explicit = true)]
    public Task Long_what_was_acknowledged_survives_100_kills() => KillAsync(100);

    private static async Task KillAsync(int kills)
    {
        string folder = Directory.CreateTempSubdirectory("p2plearn-replicated-").FullName;
        string path = Path.Combine(folder, "replicated.db");
        var random = new Random(1);
        Acknowledged told = new();
        try
        {
            for (int kill = 0; kill < kills; kill++)
            {
                await WriteAndKillAsync(path, told, random.Next(3, 80), random.Next(0, 20));
                await AssertAllThereAsync(path, told, kill);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills, {told.Rounds.Max() + 1} rounds acknowledged");
    }

    private static async Task AssertAllThereAsync(string path, Acknowledged told, int kill)
    {
        ReplicationReport report = ReplicationDatabase.Check(path, repair: false);
        Assert.True(report.IsSound, $"kill {kill}: {report}");
        ReplicationStore store = new(new Ed25519Verifier());
        await using ReplicationDatabase database = ReplicationDatabase.Open(path, store, TimeProvider.System, NullLogger.Instance);
        uint[] missing = [.. told.Rounds.Where(round => round >= told.PrunedBelow).Except(store.Contributions.RoundsOf(Contributions.Run))];
        Assert.True(missing.Length == 0, $"kill {kill}: rounds {string.Join(' ', missing)} were acknowledged and are gone");
        Attestation reputation = Attestations.Signed(AttestationKind.Reputation, 0, 0);
        uint version = store.Attestations.Newest(reputation.Kind, reputation.Run, reputation.Peer)!.Version;
        Assert.True(version >= told.Version, $"kill {kill}: version {told.Version} was acknowledged, {version} is there");
    }

    private static async Task WriteAndKillAsync(string path, Acknowledged told, int lines, int milliseconds)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment[ReplicationWriterProcess.Variable] = path;
        using Process writer = Process.Start(info)!;
        Task<string> complaints = writer.StandardError.ReadToEndAsync();
        int read = 0;
        try
        {
            while (await writer.StandardOutput.ReadLineAsync().LimitAsync("a line of the writer") is { } line)
            {
                told.Note(line);
                if (++read == lines)
                {
                    await Task.Delay(milliseconds);
                    writer.Kill();
                }
            }
        }
        finally
        {
            writer.Kill();
            await writer.WaitForExitAsync().LimitAsync("the end of the writer");
        }

        Assert.True(read >= lines, $"the writer ended by itself with {writer.ExitCode} after {read} lines: {await complaints}");
    }

    private sealed class Acknowledged
    {
        public HashSet<uint> Rounds { get; } = [];

        public uint PrunedBelow { get; private set; }

        public uint Version { get; private set; }

        public void Note(string line)
        {
            uint number = uint.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
            switch (line[0])
            {
                case '+':
                    Rounds.Add(number);
                    break;
                case '=':
                    Version = Math.Max(Version, number);
                    break;
                default:
                    PrunedBelow = Math.Max(PrunedBelow, number);
                    break;
            }
        }
    }
}
