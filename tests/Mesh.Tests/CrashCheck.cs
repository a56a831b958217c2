using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Mesh.Tests;

/// <summary>Looks whether the directory of a killed node is sound and has all that the node acknowledged.</summary>
/// <remarks>It looks at a copy, because looking repairs: the node starts again with what the kill left. One check at a time.</remarks>
internal sealed class CrashCheck(Folders folders, CrashTally tally)
{
    private static readonly TimeSpan DoctorLimit = TimeSpan.FromMinutes(2);

    /// <summary>Roots of contributions seen in any replicated state so far.</summary>
    private readonly Dictionary<(RunId Run, uint Round, string Peer), Hash256> _contributions = [];

    private CrashTold _told = new();
    private string _where = "";
    private string _copy = "";

    /// <summary>Checks a node that was just killed; what is wrong is in the tally when the task ends.</summary>
    /// <param name="node">Does not run. It may start again when this returns, before the task ends: the copy is made.</param>
    /// <param name="occasion">Which kill, for the messages.</param>
    public Task RunAsync(CrashNode node, string occasion)
    {
        (_told, _where, _copy) = (node.Told.Copy(), $"{occasion}: {node.Name}", folders["copy"]);
        CopyFolder(node.Folder, _copy);
        return Task.Run(LookAsync);
    }

    /// <summary>Copies a folder and all in it.</summary>
    public static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string folder in Directory.EnumerateDirectories(from))
        {
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)));
        }

        foreach (string file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private async Task LookAsync()
    {
        try
        {
            LookAtIdentity();
            LookAtEvents();
            LookAtProgress();
            await LookAtBlocksAsync();
            await LookAtReplicatedAsync();
            await AskTheDoctorAsync();
        }
        finally
        {
            Directory.Delete(_copy, recursive: true);
        }
    }

    private string In(string name) => Path.Combine(_copy, name);

    private void Require(string kind, bool isThere, string otherwise) => tally.Require(kind, isThere, $"{_where}: {otherwise}");

    private void LookAtIdentity()
    {
        string peerId = IdentityFile.Load(In("identity.key")).PeerId.ToString();
        Require("identities", _told.PeerIds.All(p => p == peerId), $"it is {peerId}, and was {string.Join(", ", _told.PeerIds)}");
    }

    /// <summary>The log has every line that was shown, in that order; others may lie between.</summary>
    private void LookAtEvents()
    {
        int found = 0;
        foreach (string line in EventLogReader.FilesOf(In("events.jsonl")).Where(File.Exists).SelectMany(File.ReadLines))
        {
            found += found < _told.Lines.Count && line == _told.Lines[found] ? 1 : 0;
        }

        if (found < _told.Lines.Count)
        {
            tally.Missing.Add($"{_where}: the log lacks {_told.Lines.Count - found} lines from {_told.Lines[found]}");
        }
    }

    private void LookAtProgress()
    {
        tally.Saw("files being replaced", Directory.EnumerateFiles(_copy, "*.new").Count());
        if (_told.Round == 0)
        {
            return;
        }

        bool isRead = ProgressFile.TryRead(In("progress.bin"), long.MaxValue, out Progress? progress, out string? error);
        int done = !isRead ? -1 : progress!.Committed is null ? progress.Round : progress.Round - 1;
        Require("rounds", done >= _told.Round, $"progress is round {done}, and round {_told.Round} was told ({error})");
        tally.Saw("rounds signed and not yet mixed", progress?.Committed is null ? 0 : 1);
    }

    private async Task LookAtBlocksAsync()
    {
        if (!Directory.Exists(In("blocks")))
        {
            Require("checkpoints", _told.Checkpoints.Count == 0 && _told.Models.Count == 0, "no store of blocks");
            return;
        }

        var options = new BlockStoreOptions { QuotaBytes = long.MaxValue };
        await using FileBlockStore store = await FileBlockStore.OpenAsync(
            In("blocks"), options, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        tally.Saw("torn block files", store.Recovery?.TornFiles.Count ?? 0);
        tally.Saw("block files without an entry", store.Recovery?.Orphans.Count ?? 0);
        BlockStoreCheck check = await store.CheckAsync(repair: false, CancellationToken.None);
        int lost = (store.Recovery?.Missing.Count ?? 0) + (store.Recovery?.Damaged.Count ?? 0); // a kill leaves neither
        Require("stores", check.IsClean && lost == 0, $"the store is not clean: {check}; {store.Recovery}");
        await using var library = new ModelLibrary(store, null, null, new ManifestLimits(), TimeProvider.System);
        foreach (CheckpointMade made in _told.Checkpoints)
        {
            Require("checkpoints", await IsWholeAsync(library, made.Root), $"the model of the checkpoint of round {made.Round} is not whole");
        }

        foreach (string root in _told.Models)
        {
            Require("models", await IsWholeAsync(library, root), $"the model {root} is not whole");
            Require("models", library.List().Any(m => m.Root == Parse(root)), $"the model {root} is not kept");
        }

        foreach ((string root, int told) in _told.Blocks)
        {
            StoredModel? model = await library.OpenAsync(Parse(root), CancellationToken.None);
            int here = model?.Manifest.Blocks.DistinctBy(b => b.Cid).Count(b => store.TryGetSize(b.Cid, out _)) ?? 0;
            tally.Checked("blocks of pulls", told);
            if (here < told)
            {
                tally.Missing.Add($"{_where}: {told} blocks of {root} were told, {here} are here");
            }
        }
    }

    /// <summary>All blocks are there and verified as they are read.</summary>
    private static async Task<bool> IsWholeAsync(ModelLibrary library, string root)
    {
        if (await library.OpenAsync(Parse(root), CancellationToken.None) is not { } model || !library.IsComplete(model))
        {
            return false;
        }

        await library.ReadAsync(model, new byte[model.Manifest.TotalBytes], CancellationToken.None);
        return true;
    }

    private static Cid Parse(string root) => Cid.TryParse(root, out Cid? cid) ? cid : throw new FormatException(root);

    private async Task LookAtReplicatedAsync()
    {
        if (_told.PeerId is not { } name)
        {
            return;
        }

        PeerId self = PeerId.Parse(name);
        var store = new ReplicationStore(new Ed25519Verifier());
        await using ReplicationDatabase database = ReplicationDatabase.Open(
            In("replicated.db"), store, TimeProvider.System, NullLogger.Instance);
        Require("replicated states", database.DroppedRows == 0, $"{database.DroppedRows} replicated entries do not read");
        List<Checkpoint> attested = [];
        foreach (Crdt.Attestations.Attestation attestation in store.Attestations.All)
        {
            if (Checkpoint.TryRead(attestation, out Checkpoint? checkpoint) && checkpoint.Maker == self)
            {
                attested.Add(checkpoint);
            }
        }

        foreach (CheckpointMade made in _told.Checkpoints)
        {
            Require(
                "attestations",
                attested.Any(a => a.Round == made.Round && a.Root.ToString() == made.Root && a.Run.ToString() == _told.Run),
                $"the attestation of the checkpoint of round {made.Round} is gone");
        }

        LookForEquivocation(store.Contributions);
    }

    /// <summary>One contribution of a peer for a round, the same wherever and whenever it is seen.</summary>
    private void LookForEquivocation(ContributionSet contributions)
    {
        foreach (ContributionEntry entry in contributions.Entries)
        {
            Contribution seen = entry.First;
            (RunId, uint, string) key = (seen.Run, seen.Round, seen.Peer.ToString());
            if (!_contributions.TryGetValue(key, out Hash256 root))
            {
                _contributions[key] = seen.Root;
                Require("signed contributions", !entry.IsEquivocation, $"two contributions for round {seen.Round} of {seen.Peer}");
            }
            else if (root != seen.Root || entry.IsEquivocation)
            {
                tally.Missing.Add($"{_where}: another contribution for round {seen.Round} of {seen.Peer}");
            }
        }
    }

    private async Task AskTheDoctorAsync()
    {
        CliResult doctor = await Cli.RunAsync(DoctorLimit, "doctor", "--data-dir", _copy, "--json");
        Require("doctor's visits", doctor.ExitCode == 0, $"the doctor says {doctor.ExitCode}: {doctor.Output}{doctor.Error}");
        if (doctor.ExitCode == 0)
        {
            string[] bad = [.. JsonNode.Parse(doctor.Output)!.AsArray()
                .Where(f => (string)f!["state"]! is not ("ok" or "note")).Select(f => f!.ToJsonString())];
            Require("doctor's reports", bad.Length == 0, string.Join(", ", bad));
        }
    }
}
