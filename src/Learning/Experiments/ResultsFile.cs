using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Experiments;

/// <summary>The results of one run as lines of JSON: one of type "settings", one "round" for each round, one "end".</summary>
/// <remarks>
/// A line is on the disk before its method returns, so nothing that was shown is lost by a crash; at most the last line is torn, and skipped on reading. Names are
/// in snake_case, as in <see cref="SimulationReport.ToJson"/>. Not safe for several threads.
/// </remarks>
public sealed class ResultsFile : IDisposable
{
    /// <summary>Longest line that is read, in characters: the end of a run of 10,000 nodes has about 4 million.</summary>
    public const int MaxLineLength = 1 << 24;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = SimulationReport.Json.PropertyNamingPolicy,
        DefaultIgnoreCondition = SimulationReport.Json.DefaultIgnoreCondition,
        Encoder = SimulationReport.Json.Encoder,
        AllowTrailingCommas = false,
    };

    private readonly FileStream _file;

    /// <summary>Begins a file.</summary>
    /// <param name="path">An older file of that name is lost.</param>
    /// <param name="settings">Of the run.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public ResultsFile(string path, SimulationSettings settings)
    {
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        Write("settings", settings);
    }

    /// <summary>Adds a round.</summary>
    public void Add(SimulationRound round) => Write("round", round);

    /// <summary>Adds the end.</summary>
    public void Add(RunEnd end) => Write("end", end);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is no such file; one line for the user.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static RunResults Read(string path)
    {
        using var reader = new StreamReader(path);
        SimulationSettings? settings = null;
        var rounds = new List<SimulationRound>();
        RunEnd? end = null;
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (TryParse(line) is not { } json)
            {
                if (settings is not null && reader.Peek() < 0)
                {
                    break; // torn by a crash
                }

                throw new InvalidDataException($"{path}: line {number} is no line of a results file");
            }

            switch (json["type"]?.GetValueKind() == JsonValueKind.String ? json["type"]!.GetValue<string>() : "")
            {
                case "settings" when settings is null:
                    settings = Parse<SimulationSettings>(json, path, number);
                    break;
                case "round" when settings is not null:
                    rounds.Add(Parse<SimulationRound>(json, path, number));
                    break;
                case "end" when settings is not null:
                    end = Parse<RunEnd>(json, path, number);
                    break;
                default:
                    throw new InvalidDataException($"{path}: line {number} is no line of a results file");
            }
        }

        return new RunResults(settings ?? throw new InvalidDataException($"{path} is empty"), rounds, end);
    }

    private static T Parse<T>(JsonObject json, string path, int number)
    {
        try
        {
            return json.Deserialize<T>(Json) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new InvalidDataException($"{path}: line {number} lacks what a line of its type has");
        }
    }

    private static JsonObject? TryParse(string line)
    {
        try
        {
            return line.Length > MaxLineLength ? null : JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Write<T>(string type, T value)
    {
        var line = new JsonObject { ["type"] = type };
        foreach ((string name, JsonNode? node) in JsonSerializer.SerializeToNode(value, Json)!.AsObject().ToArray())
        {
            line[name] = node?.DeepClone();
        }

        _file.Write(Encoding.UTF8.GetBytes(line.ToJsonString(Json) + "\n"));
        _file.Flush(flushToDisk: true);
    }
}
