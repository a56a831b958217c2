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
        RunStarted run => $"run {run.RunId[..8]}: {run.Model} with {run.Parameters} parameters, round {run.Round} of {run.Rounds}, {run.Images} examples"
            + (run.Topology is null ? "" : $"; {run.Aggregator}, topology {run.Topology}, against {run.Guard} of those heard"),
        RoundCompleted round => DescribeRound(round),
        FaultyTooSmall small => $"f = {small.Declared} looks too small: {small.Suspects.Count} peers are outliers over {small.Rounds} rounds "
            + $"({string.Join(", ", small.Suspects.Select(Why))}); a run with faulty = {small.Suggested} would guard against them",
        ContributionRefused refused => $"refused the contribution of {Short(refused.Peer)} for round {refused.Round}: {refused.Reason}",
        EquivocationFound found => $"{Short(found.Peer)} signed two contributions for round {found.Round}",
        RunUnknown unknown => $"no run that begins with {unknown.Wanted} is known yet" + (unknown.Known.Count > 0
            ? $"; known are {string.Join(", ", unknown.Known.Select(r => r[..8]))}"
            : "; waiting for a member that knows it"),
        JoiningLate joining => string.Create(
            CultureInfo.InvariantCulture,
            $"fetching {joining.Models} models of round {joining.Round}: {Mega(joining.BytesDone)} of {Mega(joining.TotalBytes)} MB, {Mega(joining.BytesPerSecond)} MB/s"),
        JoinedLate joined => string.Create(
            CultureInfo.InvariantCulture,
            $"joined run {joined.RunId[..8]} with the models of round {joined.Round} of {string.Join(", ", joined.Makers.Select(Short))}: {Mega(joined.Bytes)} MB in {joined.Milliseconds / 1000:0.0} s"),
        JoinFailed failed => $"the checkpoint of round {failed.Round} is not to be had: {failed.Reason}",
        CheckpointFailed failed => $"no checkpoint of round {failed.Round}: {failed.Reason}",
        Mirrored mirrored => $"keeping the models of round {mirrored.Round} of run {mirrored.RunId[..8]} for others ({mirrored.Roots.Count})",
        RunFinished finished => $"finished {finished.Rounds} rounds" + (finished.Accuracy is { } a ? $", accuracy {Percent(a)}" : "") + $"; model in {finished.ModelFile}",
        NodeStopped => "stopped",
        TornLine torn => $"the last line of the event log was torn, as by a power cut ({torn.Bytes} bytes)",
        EventsDropped dropped => $"{dropped.Count} events are missing in the event log: the disk was full or slow",
        _ => null,
    };

    private static string DescribeRound(RoundCompleted round)
    {
        string[] rejected = [.. round.Candidates.Where(c => c.Outcome != "kept").Select(c => $"{Short(c.Peer)} {c.Outcome}")];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"round {round.Round}/{round.Rounds} {round.Mixed}: {(round.Loss is { } loss ? $"loss {loss:0.000}, " : "")}{(round.Accuracy is { } a ? $"accuracy {Percent(a)}, " : "")}{(round.WayGone is { } way ? $"moved only {Percent(way)} of the way, " : "")}kept {round.Candidates.Count - rejected.Length} of {round.Candidates.Count}{(rejected.Length > 0 ? " (" + string.Join(", ", rejected) + ")" : "")}");
    }

    private static string Why(SuspectPeer suspect) => suspect.Far >= suspect.Twin
        ? $"{Short(suspect.Peer)} far out in {suspect.Far} of {suspect.Rounds}"
        : $"{Short(suspect.Peer)} same as another in {suspect.Twin} of {suspect.Rounds}";

    private static string Mega(double bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Short(string peer) => peer.Length > 8 ? peer[^8..] : peer;

    private static string Percent(double fraction) => fraction.ToString("P1", CultureInfo.InvariantCulture);
}
