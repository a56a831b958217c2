using P2PLearn.Actors.Monitoring;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace P2PLearn.Node.Demo;

/// <summary>What the demo knows of each node from its events, and the live table made of it.</summary>
public sealed class DemoBoard
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Row> _rows = [];
    private readonly Dictionary<string, string> _names;

    /// <summary>Creates the board.</summary>
    /// <param name="nodes">Name, peer id and whether it attacks, in the order shown.</param>
    public DemoBoard(IReadOnlyList<(string Name, string PeerId, bool Attacks)> nodes)
    {
        _names = nodes.ToDictionary(n => n.PeerId, n => n.Name);
        foreach ((string name, _, bool attacks) in nodes)
        {
            _rows[name] = new Row { Name = name, Attacks = attacks };
        }
    }

    /// <summary>Takes an event of a node.</summary>
    public void Note(string node, MeshEvent happened)
    {
        lock (_gate)
        {
            Row row = _rows[node];
            switch (happened)
            {
                case NodeStarted:
                    row.State = "started";
                    break;
                case MembersChanged members:
                    row.State = row.Rounds == 0 ? $"in a cluster of {members.Up}" : row.State;
                    break;
                case RunStarted:
                    row.State = "training";
                    break;
                case RoundCompleted round:
                    NoteRound(row, round);
                    break;
                case Attacked attacked:
                    NoteAttack(row, attacked);
                    break;
                case RunFinished:
                    row.State = "finished";
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Kept and rejected contributions by contributor, summed over all honest nodes and rounds.</summary>
    public IReadOnlyDictionary<string, (int Kept, int Rejected)> Verdicts()
    {
        lock (_gate)
        {
            var sums = _rows.Keys.ToDictionary(name => name, _ => (Kept: 0, Rejected: 0));
            foreach ((string contributor, (int kept, int rejected)) in _rows.Values.Where(r => !r.Attacks).SelectMany(r => r.Verdicts))
            {
                sums[contributor] = (sums[contributor].Kept + kept, sums[contributor].Rejected + rejected);
            }

            return sums;
        }
    }

    /// <summary>Bytes of models sent and received and rounds done, per node.</summary>
    public (long Sent, long Received, int Rounds) Traffic(string node)
    {
        lock (_gate)
        {
            Row row = _rows[node];
            return (row.BytesOut, row.BytesIn, row.Round);
        }
    }

    /// <summary>One line: how far the nodes are.</summary>
    public string Line()
    {
        lock (_gate)
        {
            Row[] honest = [.. _rows.Values.Where(r => !r.Attacks)];
            if (honest.All(r => r.Rounds == 0))
            {
                return "the nodes start: " + string.Join(", ", _rows.Values.GroupBy(r => r.State).Select(g => $"{g.Count()} {g.Key}"));
            }

            double[] accuracies = [.. honest.Where(r => r.Accuracy is not null).Select(r => r.Accuracy!.Value)];
            string accuracy = accuracies.Length == 0 ? "" : $", accuracy {accuracies.Min():P1} to {accuracies.Max():P1}";
            return $"round {honest.Min(r => r.Round)} of {honest.Max(r => r.Rounds)}{accuracy}, {honest.Count(r => r.State == "finished")} of {honest.Length} finished";
        }
    }

    /// <summary>The table.</summary>
    public IRenderable Render()
    {
        var table = new Table().Border(TableBorder.Rounded).Title("P2PLearn demo");
        foreach (string column in (string[])["node", "state", "round", "loss", "accuracy", "kept", "rejected", "sent", "received"])
        {
            table.AddColumn(column);
        }

        lock (_gate)
        {
            foreach (Row row in _rows.Values)
            {
                table.AddRow(row.Cells());
            }
        }

        return table;
    }

    private static void NoteAttack(Row row, Attacked attacked)
    {
        row.State = "attacking";
        row.Round = attacked.Round;
        row.Rounds = attacked.Rounds;
        row.BytesIn += attacked.BytesIn;
        row.BytesOut += attacked.BytesOut;
    }

    private void NoteRound(Row row, RoundCompleted round)
    {
        row.State = "training";
        row.Round = round.Round;
        row.Rounds = round.Rounds;
        row.Loss = round.Loss;
        row.Accuracy = round.Accuracy ?? row.Accuracy;
        row.BytesIn += round.BytesIn;
        row.BytesOut += round.BytesOut;
        row.LastKept = [.. Names(round, "kept")];
        row.LastRejected = [.. Names(round, "rejected"), .. Names(round, "clipped"), .. Names(round, "refused"), .. Names(round, "equivocated"), .. Names(round, "missing")];
        foreach (string name in row.LastKept)
        {
            (int kept, int rejected) = row.Verdicts.GetValueOrDefault(name);
            row.Verdicts[name] = (kept + 1, rejected);
        }

        foreach (string name in row.LastRejected)
        {
            (int kept, int rejected) = row.Verdicts.GetValueOrDefault(name);
            row.Verdicts[name] = (kept, rejected + 1);
        }
    }

    private IEnumerable<string> Names(RoundCompleted round, string outcome) =>
        round.Candidates.Where(c => c.Outcome == outcome && _names.ContainsKey(c.Peer)).Select(c => _names[c.Peer]).Order();

    private sealed class Row
    {
        public required string Name { get; init; }

        public required bool Attacks { get; init; }

        public string State { get; set; } = "starting";

        public int Round { get; set; }

        public int Rounds { get; set; }

        public double? Loss { get; set; }

        public double? Accuracy { get; set; }

        public long BytesIn { get; set; }

        public long BytesOut { get; set; }

        public string[] LastKept { get; set; } = [];

        public string[] LastRejected { get; set; } = [];

        public Dictionary<string, (int Kept, int Rejected)> Verdicts { get; } = [];

        public string[] Cells() =>
        [
            Attacks ? $"[red]{Name}[/]" : Name,
            State,
            Rounds == 0 ? "" : $"{Round}/{Rounds}",
            Loss is { } loss ? $"{loss:0.000}" : "",
            Accuracy is { } accuracy ? $"{accuracy:P1}" : "",
            string.Join(' ', LastKept),
            string.Join(' ', LastRejected),
            Mega(BytesOut),
            Mega(BytesIn),
        ];

        private static string Mega(long bytes) => bytes == 0 ? "" : $"{bytes / 1e6:0.0} MB";
    }
}
