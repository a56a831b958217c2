using System.Globalization;
using System.Runtime.CompilerServices;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

/// <summary>Plays a file of events against a round machine and writes the trace under each of them.</summary>
/// <remarks>
/// A line that begins at the margin is a comment (#), a setting (<c>self a</c>, <c>options Faulty=1</c>, <c>byzantine a with b</c>) or
/// <c>SECONDS event arguments</c>; indented lines are the effects expected. A root is given by one letter.
/// </remarks>
internal static class RoundScenario
{
    public static string Folder([CallerFilePath] string path = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "Scenarios"));

    public static string Play(string text)
    {
        var output = new List<string>();
        var options = new RoundOptions();
        var self = new Participant("a");
        IRoundMachine? machine = null;
        foreach (string line in text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Where(l => !l.StartsWith(' ')))
        {
            output.Add(line);
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            switch (words[0])
            {
                case "self":
                    self = new Participant(words[1]);
                    break;
                case "options":
                    options = words.Skip(1).Aggregate(options, Set);
                    break;
                case "byzantine":
                    machine = new ByzantineRoundMachine(
                        self = new Participant(words[1]),
                        words.Skip(3).Select(w => new Participant(w)),
                        new ByzantineRoundOptions { Rounds = options.Rounds });
                    break;
                default:
                    machine ??= new RoundMachine(self, options);
                    TimeSpan now = TimeSpan.FromSeconds(double.Parse(words[0], CultureInfo.InvariantCulture));
                    foreach (RoundEvent happened in Parse(words[1..], self))
                    {
                        output.AddRange(machine.Step(happened, now).Select(effect => "    " + effect));
                    }

                    break;
            }
        }

        return string.Join('\n', output) + "\n";
    }

    private static IEnumerable<RoundEvent> Parse(string[] words, Participant self)
    {
        ContributionRef Ref(int at) => new(new Participant(words[at]), Round(at + 1), Root(words[at + 2]));
        int Round(int at) => int.Parse(words[at], CultureInfo.InvariantCulture);
        return words[0] switch
        {
            "started" when words.Length > 2 => [new Started(Round(1), new ContributionRef(self, Round(1), Root(words[2])))],
            "started" => [new Started(words.Length > 1 ? Round(1) : 1)],
            "join" => words.Skip(1).Select(w => new ParticipantJoined(new Participant(w))),
            "leave" => words.Skip(1).Select(w => new ParticipantLeft(new Participant(w))),
            "trained" => [new LocalStepsFinished(Round(1))],
            "committed" => [new Committed(new ContributionRef(self, Round(1), Root(words[2])))],
            "head" => [new HeadKnown(Ref(1))],
            "model" => [new ModelArrived(Ref(1))],
            "refused" => [new ModelRefused(Ref(1))],
            "fetch-failed" => [new FetchFailed(Ref(1))],
            "mixed" => [new Mixed(Round(1), new MixOutcome([]))],
            "declined" => [new Mixed(Round(1), null)],
            "caught-up" => [new CaughtUp(Round(1))],
            "catch-up-failed" => [new CatchUpFailed(Round(1))],
            "tick" => [new TimePassed()],
            _ => throw new FormatException($"unknown event '{words[0]}'"),
        };
    }

    private static ModelRoot Root(string letter)
    {
        byte[] hash = new byte[ModelRoot.Size];
        Array.Fill(hash, (byte)letter[0]);
        return new ModelRoot(hash);
    }

    private static RoundOptions Set(RoundOptions options, string setting)
    {
        (string key, string value) = (setting.Split('=')[0], setting.Split('=')[1]);
        int Number() => int.Parse(value, CultureInfo.InvariantCulture);
        TimeSpan Seconds() => TimeSpan.FromSeconds(double.Parse(value, CultureInfo.InvariantCulture));
        return key switch
        {
            "Rounds" => options with { Rounds = Number() },
            "LocalSteps" => options with { LocalSteps = Number() },
            "MixingRounds" => options with { MixingRounds = Number() },
            "Faulty" => options with { Faulty = Number() },
            "MinCandidates" => options with { MinCandidates = Number() },
            "GatherCount" => options with { GatherCount = Number() },
            "AheadWindow" => options with { AheadWindow = Number() },
            "MaxStrangers" => options with { MaxStrangers = Number() },
            "Heard" => options with { Heard = Enum.Parse<Heard>(value) },
            "MaxDeadline" => options with { MaxDeadline = Seconds() },
            "QuorumTimeout" => options with { QuorumTimeout = Seconds() },
            _ => throw new FormatException($"unknown option '{key}'"),
        };
    }
}
