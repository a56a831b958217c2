using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Tests.Hosting;

public sealed class EventPrinterTests
{
    [Fact]
    public void People_get_lines()
    {
        var output = new StringWriter();
        var printer = new EventPrinter(json: false, output);
        printer.Print(new NodeStarted("12D3KooWabcdefgh", "0.1.0", "d", 1), "{}");
        printer.Print(new Listening("/ip4/127.0.0.1/tcp/1/p2p/12D3"), "{}");
        printer.PrintJoinCommand("run this");
        printer.Print(new MembersChanged(1, 0), "{}");
        printer.Print(new MembersChanged(3, 1), "{}");
        printer.Print(
            new RoundCompleted(2, 30, "mixed", 0.5, 0.912, [new CandidateOutcome("12D3KooWaaaaaaaa", "kept", 1, 0.5), new CandidateOutcome("12D3KooWbbbbbbbb", "refused", null, 0)], 1, 1, 1, 1, 1),
            "{}");
        printer.Print(new RoundCompleted(3, 30, "mixed", null, null, [], 1, 1, 1, 1, 1, 0.25), "{}"); // a mixing that follows another has no loss
        printer.Print(new EquivocationFound("12D3KooWbbbbbbbb", 4), "{}");
        printer.Print(
            new FaultyTooSmall(5, 1, 2, 5, [new SuspectPeer("12D3KooWaaaaaaaa", 5, 4, 0, 0), new SuspectPeer("12D3KooWbbbbbbbb", 5, 0, 5, 0)]), "{}");
        Assert.Equal(
            [
                "peer id 12D3KooWabcdefgh",
                "listening on /ip4/127.0.0.1/tcp/1/p2p/12D3",
                "to join from another machine:",
                "  run this",
                "1 member up",
                "3 members up, 1 unreachable",
                "round 2/30 mixed: loss 0.500, accuracy 91.2 %, kept 1 of 2 (bbbbbbbb refused)",
                "round 3/30 mixed: moved only 25.0 % of the way, kept 0 of 0",
                "bbbbbbbb signed two contributions for round 4",
                "f = 1 looks too small: 2 peers are outliers over 5 rounds (aaaaaaaa far out in 4 of 5, bbbbbbbb same as another in 5 of 5); a run with faulty = 2 would guard against them",
            ],
            output.ToString().TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Scripts_get_the_json_lines_alone()
    {
        var output = new StringWriter();
        var printer = new EventPrinter(json: true, output);
        printer.PrintJoinCommand("run this");
        printer.Print(new NodeStopped(), "{\"event\":\"stopped\"}");
        Assert.Equal("{\"event\":\"stopped\"}\n", output.ToString());
    }
}
