using P2PLearn.Node.Commands;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Commands;

public sealed class ModelTextTests
{
    private const string Root = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    private const string Run = "4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab4f1c07ab";

    [Fact]
    public void The_list_is_a_table()
    {
        var view = new ModelListView(
            [new ModelView(Root, "pushed", null, 0, "12D3KooWabcdefgh", 318_040, true), new ModelView(Root, "checkpoint", Run, 12, "", 0, false)],
            [new CheckpointSummaryView(Run, 12, 5, true), new CheckpointSummaryView(Run, 9, 11, false)]);

        Assert.Equal(
            $"""
            ROOT                                                         KIND        RUN       ROUND  MAKER     SIZE
            {Root}  pushed      -         -      abcdefgh  318 kB  complete
            {Root}  checkpoint  4f1c07ab  12     -         0 B     incomplete

            CHECKPOINTS OF RUN  ROUND  PEERS
            4f1c07ab            12     5      newest agreed
            4f1c07ab            9      11
            """,
            ModelText.List(view));
        Assert.Equal("no models are kept here", ModelText.List(new ModelListView([], [])));
    }

    [Fact]
    public void A_model_is_shown_with_its_layout()
    {
        var model = new ModelDetailsView(
            Root, ["pulled", "pushed"], Run, 12, "12D3KooWabcdefgh", "float32", 7850, 31_400, "00ff",
            [new ModelTensorView("fc.weight", [10, 784]), new ModelTensorView("fc.bias", [10])], 2, 1, ["bafkreix", "bafkreiy"]);

        Assert.Equal(
            $"""
            root     {Root}
            kept     pulled, pushed
            maker    12D3KooWabcdefgh
            run      {Run}, round 12
            size     7850 floats (float32), 31.4 kB
            blocks   2, of them 1 here
            parents  bafkreix
                     bafkreiy
            layout   00ff
                     fc.weight  [10, 784]
                     fc.bias    [10]
            """,
            ModelText.Show(new ModelShowView(model, null)));
    }

    [Fact]
    public void A_run_is_shown_with_its_name_and_what_members_saw_of_each_other()
    {
        var run = new ModelRunView(Run, 12, true, [], "c0ffee", [new PeerStandingView("12D3KooWabcdefgh", 3, 10, 1, 0, 0, 1)]);

        string[] lines = ModelText.Show(new ModelShowView(null, run)).Split('\n');

        Assert.Contains("name     c0ffee", lines);
        Assert.Equal("MEMBER    KEPT  REJECTED  MISSING  REFUSED  EQUIVOCATED  SEEN BY", lines[^2]);
        Assert.Equal(["abcdefgh", "10", "1", "0", "0", "1", "3"], lines[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_run_is_shown_with_everybodys_model()
    {
        var run = new ModelRunView(Run, 12, true, [new ModelRunRootView(Root, "12D3KooWabcdefgh", 31_400, 0.91234, true), new ModelRunRootView(Root, "x", 5, null, false)], null, []);

        Assert.Equal(
            $"""
            run      {Run}
            round    12, the newest that enough members agree on
            ROOT                                                         MAKER     SIZE     ACCURACY
            {Root}  abcdefgh  31.4 kB  0.9123    here
            {Root}  x         5 B      -         not here
            """,
            ModelText.Show(new ModelShowView(null, run)));
    }

    [Fact]
    public void A_pull_is_told_when_something_is_new_and_now_and_then()
    {
        var lines = new PullLines();
        var fetching = new PullEventView(PullEvents.Fetching, "root", 12_300_000, 45_600_000, 3, 9, 3, 5_100_000);

        Assert.Equal("root  looking for who has it", lines.Next(new PullEventView(PullEvents.Searching, "root"), TimeSpan.Zero));
        Assert.Null(lines.Next(new PullEventView(PullEvents.Searching, "root"), TimeSpan.FromSeconds(1)));
        Assert.Equal("root  26 % of 45.6 MB, 3 providers, 5.1 MB/s, 7 s left", lines.Next(fetching, TimeSpan.FromSeconds(1)));
        Assert.Null(lines.Next(fetching, TimeSpan.FromSeconds(2.9)));
        Assert.Equal("root  26 % of 45.6 MB, 1 provider, 0 B/s", lines.Next(fetching with { Providers = 1, BytesPerSecond = 0 }, TimeSpan.FromSeconds(3)));
        Assert.StartsWith("other", lines.Next(fetching with { Root = "other" }, TimeSpan.FromSeconds(3)), StringComparison.Ordinal);
        Assert.Equal("root  kept: 45.6 MB, made by x", lines.Next(fetching with { Type = PullEvents.Kept, Message = "made by x" }, TimeSpan.FromSeconds(3)));
        Assert.Equal("…qa4s52zy", ModelText.Root(Root));
        Assert.Equal("why", lines.Next(new PullEventView(PullEvents.Failed, "root", Message: "why"), TimeSpan.FromSeconds(3)));
    }
}
