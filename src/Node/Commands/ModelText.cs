using System.Globalization;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary>Models as text for people.</summary>
internal static class ModelText
{
    private const int ShortRun = 8;
    private const int ShortPeer = 8;
    private const int ShortRoot = 8;

    /// <summary>What is kept here, and the checkpoints of the mesh.</summary>
    public static string List(ModelListView view)
    {
        string models = view.Models.Count == 0
            ? "no models are kept here"
            : Table(
            [
                ["ROOT", "KIND", "RUN", "ROUND", "MAKER", "SIZE", ""],
                .. view.Models.Select(m => (string[])
                [
                    m.Root, m.Kind, Run(m.Run), m.Run is null ? "-" : Number(m.Round), Peer(m.Maker), Bytes(m.Bytes), m.Complete ? "complete" : "incomplete",
                ]),
            ]);
        return view.Checkpoints.Count == 0
            ? models
            : models + "\n\n" + Table(
            [
                ["CHECKPOINTS OF RUN", "ROUND", "PEERS", ""],
                .. view.Checkpoints.Select(c => (string[])[Run(c.Run), Number(c.Round), Number(c.Peers), c.IsNewest ? "newest agreed" : ""]),
            ]);
    }

    /// <summary>A model or a run.</summary>
    public static string Show(ModelShowView view) => view switch
    {
        { Model: { } model } => Show(model),
        { Run: { } run } => Show(run),
        _ => "",
    };

    /// <summary>What became of a file.</summary>
    public static string Pushed(ModelPushedView pushed) =>
        $"{Number(pushed.Parameters)} floats, {Bytes(pushed.Bytes)}; " + (pushed.Told > 0
            ? $"{pushed.Told} {(pushed.Told == 1 ? "node was" : "nodes were")} told that it is here"
            : "no other node could be told yet");

    /// <summary>A root in few characters: the last ones, since all begin alike.</summary>
    public static string Root(string root) => root.Length <= ShortRoot ? root : "…" + root[^ShortRoot..];

    /// <summary>The first digits of a run id.</summary>
    public static string Run(string? run) => run is null ? "-" : run[..Math.Min(run.Length, ShortRun)];

    /// <summary>The last characters of a peer id, by which events name it too.</summary>
    public static string Peer(string peer) => peer.Length == 0 ? "-" : peer[^Math.Min(peer.Length, ShortPeer)..];

    /// <summary>A size in the unit that suits it.</summary>
    public static string Bytes(double bytes) => bytes switch
    {
        < 10e3 => string.Create(CultureInfo.InvariantCulture, $"{bytes:0} B"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.#} kB"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.#} GB"),
    };

    private static string Show(ModelDetailsView model)
    {
        int width = model.Layout.Max(t => t.Name.Length);
        return string.Join('\n', (IEnumerable<string>)
        [
            $"root     {model.Root}",
            $"kept     {(model.Kinds.Count == 0 ? "by nothing: its blocks may go" : string.Join(", ", model.Kinds))}",
            $"maker    {model.Maker}",
            $"run      {(model.Run is null ? "none" : $"{model.Run}, round {Number(model.Round)}")}",
            $"size     {Number(model.Parameters)} floats ({model.Dtype}), {Bytes(model.Bytes)}",
            $"blocks   {Number(model.Blocks)}, of them {Number(model.BlocksHere)} here",
            .. Lines("parents", model.Parents.Count == 0 ? ["none"] : model.Parents),
            .. Lines("layout", [model.LayoutHash, .. model.Layout.Select(t => $"{t.Name.PadRight(width)}  [{string.Join(", ", t.Shape)}]")]),
        ]);
    }

    private static string Show(ModelRunView run) =>
        $"run      {run.Run}\nround    {Number(run.Round)}, {(run.Agreed ? "the newest that enough members agree on" : "the newest known here; not known to be agreed on")}\n"
        + (run.Name is null ? "" : $"name     {run.Name}\n")
        + Table(
        [
            ["ROOT", "MAKER", "SIZE", "ACCURACY", ""],
            .. run.Roots.Select(r => (string[])
            [
                r.Root, Peer(r.Peer), Bytes(r.Bytes), r.Accuracy is { } a ? a.ToString("0.0000", CultureInfo.InvariantCulture) : "-", r.Complete ? "here" : "not here",
            ]),
        ])
        + (run.Standing.Count == 0 ? "" : "\n\nrounds in which members saw each other's contributions (medians)\n" + Table(
        [
            ["MEMBER", "KEPT", "REJECTED", "MISSING", "REFUSED", "EQUIVOCATED", "SEEN BY"],
            .. run.Standing.Select(s => (string[])
            [
                Peer(s.Peer), Number(s.Kept), Number(s.Rejected), Number(s.Missing), Number(s.Refused), Number(s.Equivocated), Number(s.Observers),
            ]),
        ]));

    private static IEnumerable<string> Lines(string name, IReadOnlyList<string> values) =>
        values.Select((value, i) => $"{(i == 0 ? name : ""),-8} {value}");

    private static string Table(string[][] rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(r => r[column].Length))];
        return string.Join('\n', rows.Select(row => string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd()));
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
