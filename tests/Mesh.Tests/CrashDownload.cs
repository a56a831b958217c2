using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Mesh.Tests;

/// <summary>A model that goes from one node to another again and again, while the one or the other is killed.</summary>
internal sealed class CrashDownload(TestMesh mesh, CrashNode donor, CrashNode fetcher, CrashModel model, CrashCheck check, CrashTally tally, int seed)
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(2);

    private const int MaxAttempts = 3;

    private readonly Random _random = new(seed);
    private string _root = "";
    private int _kills;

    /// <summary>Brings the model in at the donor, and kills until there were so many kills under download.</summary>
    public async Task RunAsync(int kills)
    {
        _root = (await ModelAsync(donor, "push", model.Path)).Trim();
        donor.Told.Models.Add(_root);
        for (int under = 0; under < kills;)
        {
            CrashNode victim = _random.Next(5) == 0 ? donor : fetcher;
            under += await PullAsync(victim) ? 1 : 0;
        }

        for (int attempt = 0; fetcher.Told.Blocks.ContainsKey(_root) && attempt < MaxAttempts; attempt++)
        {
            await PullAsync(null); // what was begun is finished
        }

        Assert.False(fetcher.Told.Blocks.ContainsKey(_root), $"seed {seed}: not even {MaxAttempts} pulls that nobody disturbed were done");
    }

    /// <summary>Pulls, and kills meanwhile.</summary>
    /// <param name="victim">Whom; null for nobody.</param>
    /// <returns>Whether it was under way: blocks were coming, and some were still to come.</returns>
    private async Task<bool> PullAsync(CrashNode? victim)
    {
        int owed = fetcher.Told.Blocks.GetValueOrDefault(_root);
        await using var pull = new CrashPull(_root, fetcher, donor.Told.PeerId!);
        await pull.LinesAsync(victim is null ? int.MaxValue : _random.Next(1, 6));
        if (victim is not null && !pull.HasEnded)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(250)), TimeProvider.System, CancellationToken.None);
        }

        bool wasComing = pull.First is not null && !pull.IsDone;
        if (pull.IsDone)
        {
            await StartOverAsync(pull);
        }
        else if (victim is not null)
        {
            await victim.KillAsync();
            if (victim == fetcher)
            {
                await pull.EndAsync(); // all that it told has been read; with a dead donor it goes on
            }

            await ReviveAsync(victim, wasComing ? "under download" : "before a block came");
            await pull.EndAsync();
        }

        if (owed > 0 && pull.First is { } first)
        {
            tally.Require("pulls that went on", first.BlocksDone >= owed, $"seed {seed}, kill {_kills}: {owed} blocks were here, the next pull began with {first.BlocksDone}");
        }

        Assert.True(tally.Missing.Count == 0, string.Join('\n', tally.Missing));
        return wasComing;
    }

    /// <summary>The model is here: looks at it, kills the node at this moment, empties its store.</summary>
    private async Task StartOverAsync(CrashPull pull)
    {
        Assert.Equal("", await pull.EndAsync());
        string copy = mesh.Folders["exported.safetensors"];
        await ModelAsync(fetcher, "export", _root, "-o", copy, "--force");
        tally.Require("downloads that were finished", model.IsIn(copy), $"seed {seed}, kill {_kills}: the exported model is another");
        await fetcher.KillAsync();
        await ReviveAsync(fetcher, "after a download", () =>
        {
            Directory.Delete(Path.Combine(fetcher.Folder, "blocks"), recursive: true);
            fetcher.Told.ForgetBlocks();
        });
    }

    /// <summary>Checks a node that was just killed, and starts it again.</summary>
    private async Task ReviveAsync(CrashNode victim, string when, Action? beforeStart = null)
    {
        _kills++;
        tally.Checked($"kills of {victim.Name} {when}");
        Task checking = check.RunAsync(victim, $"seed {seed}, kill {_kills}, {when}");
        beforeStart?.Invoke();
        int mark = victim.EventCount;
        victim.Start();
        await victim.UntilAsync(mark, e => e is MembersChanged { Up: 2, Unreachable: 0 }, $"member again after kill {_kills}");
        await checking;
        tally.Kill();
    }

    private static async Task<string> ModelAsync(CrashNode node, params string[] arguments)
    {
        CliResult result = await Cli.RunAsync(CommandLimit, ["model", .. arguments, "--data-dir", node.Folder]);
        Assert.True(result.ExitCode == 0, $"model {string.Join(' ', arguments)}: {result.Error}");
        return result.Output;
    }
}
