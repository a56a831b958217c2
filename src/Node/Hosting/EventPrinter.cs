using System.Globalization;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Node.Hosting;

/// <summary>Shows a daemon's events on standard output: as JSON lines, or as lines for a person.</summary>
internal sealed class EventPrinter(bool json, TextWriter output)
{
    private readonly Lock _gate = new();

    /// <summary>The command that another machine pastes to join; shown once the node listens.</summary>
    public void PrintJoinCommand(string command)
    {
        if (!json)
        {
            Write($"to join from another machine:\n  {command}");
        }
    }

    public void Print(MeshEvent happened, string line)
    {
        if (json)
        {
            Write(line);
        }
        else if (Describe(happened) is { } text)
        {
            Write(text);
        }
    }

    private void Write(string text)
    {
        lock (_gate)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }

    private static string? Describe(MeshEvent happened) => happened switch
    {
        NodeStarted started => $"peer id {started.PeerId}",
        Listening listening => $"listening on {listening.Address}",
        ReachabilityChanged reachability => reachability.Text,
        PathChanged path => $"peer {Short(path.Peer)}: {path.Text}",
        MembersChanged members => $"{members.Up} {(members.Up == 1 ? "member" : "members")} up" + (members.Unreachable > 0 ? $", {members.Unreachable} unreachable" : ""),
        JoinBlocked blocked => $"not joining yet: cannot reach {string.Join(", ", blocked.Peers.Select(Short))}, directly or over a relay ({blocked.Reason})",
        SystemRebuilt rebuilt => $"lost the cluster ({rebuilt.Cause}); coming back",
        PeerRefused refused => $"peer {refused.Peer}: {refused.Reason}",
        RunStarted run => $"run {run.RunId[..8]}: {run.Model} with {run.Parameters} parameters, round {run.Round} of {run.Rounds}, {run.Images} images",
        RoundCompleted round => DescribeRound(round),
        ContributionRefused refused => $"refused the contribution of {Short(refused.Peer)} for round {refused.Round}: {refused.Reason}",
        EquivocationFound found => $"{Short(found.Peer)} signed two contributions for round {found.Round}",
        RunFinished finished => $"finished {finished.Rounds} rounds" + (finished.Accuracy is { } a ? $", accuracy {Percent(a)}" : "") + $"; model in {finished.ModelFile}",
        NodeStopped => "stopped",
        _ => null,
    };

    private static string DescribeRound(RoundCompleted round)
    {
        string[] rejected = [.. round.Candidates.Where(c => c.Outcome != "kept").Select(c => $"{Short(c.Peer)} {c.Outcome}")];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"round {round.Round}/{round.Rounds} {round.Mixed}: loss {round.Loss:0.000}{(round.Accuracy is { } a ? $", accuracy {Percent(a)}" : "")}, kept {round.Candidates.Count - rejected.Length} of {round.Candidates.Count}{(rejected.Length > 0 ? " (" + string.Join(", ", rejected) + ")" : "")}");
    }

    private static string Short(string peer) => peer.Length > 8 ? peer[^8..] : peer;

    private static string Percent(double fraction) => fraction.ToString("P1", CultureInfo.InvariantCulture);
}
