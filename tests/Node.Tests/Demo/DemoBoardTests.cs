using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Demo;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace P2PLearn.Node.Tests.Demo;

public sealed class DemoBoardTests
{
    private readonly DemoBoard _board = new([("node-1", "p1", false), ("node-2", "p2", false), ("attacker-1", "pa", true)]);

    [Fact]
    public void Verdicts_are_summed_over_honest_nodes_and_rounds()
    {
        _board.Note("node-1", Round(1, ("p2", "kept"), ("pa", "rejected")));
        _board.Note("node-1", Round(2, ("p2", "kept"), ("pa", "missing")));
        _board.Note("node-2", Round(1, ("p1", "rejected"), ("pa", "kept")));
        _board.Note("attacker-1", Round(1, ("p1", "kept")));
        IReadOnlyDictionary<string, (int Kept, int Rejected)> verdicts = _board.Verdicts();
        Assert.Equal((2, 0), verdicts["node-2"]);
        Assert.Equal((0, 1), verdicts["node-1"]);
        Assert.Equal((1, 2), verdicts["attacker-1"]);
    }

    [Fact]
    public void Traffic_adds_up_for_honest_nodes_and_attackers()
    {
        _board.Note("node-1", Round(1));
        _board.Note("node-1", Round(2));
        _board.Note("attacker-1", new Attacked(2, 30, 7, 8));
        Assert.Equal((40, 20, 2), _board.Traffic("node-1"));
        Assert.Equal((8, 7, 2), _board.Traffic("attacker-1"));
    }

    [Fact]
    public void The_line_tells_the_slowest_round_and_the_spread()
    {
        _board.Note("node-1", Round(3));
        _board.Note("node-2", Round(2));
        _board.Note("node-2", new RunFinished(30, 0.9, 0.3, "m"));
        Assert.Equal("round 2 of 30, accuracy 50.0 % to 50.0 %, 1 of 2 finished", _board.Line());
    }

    [Fact]
    public void The_table_shows_who_was_kept_and_rejected_last()
    {
        _board.Note("node-1", Round(3, ("p2", "kept"), ("pa", "refused")));
        using var writer = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(writer) });
        console.Profile.Width = 160;
        IRenderable table = _board.Render();
        console.Write(table);
        string row = writer.ToString().Split('\n').Single(line => line.Contains("node-1", StringComparison.Ordinal));
        Assert.Matches("node-1.*3/30.*1\\.500.*node-2.*attacker-1", row);
    }

    private static RoundCompleted Round(int round, params (string Peer, string Outcome)[] candidates) =>
        new(round, 30, "mixed", 1.5, 0.5, [.. candidates.Select(c => new CandidateOutcome(c.Peer, c.Outcome, 1, 0.5))], 10, 20, 1, 1, 1);
}
