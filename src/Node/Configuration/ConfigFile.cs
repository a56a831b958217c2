using System.Text.Json;
using System.Text.Json.Serialization;

namespace P2PLearn.Node.Configuration;

/// <summary>Reads and writes <see cref="NodeOptions"/> as JSON with snake_case keys; comments and trailing commas are welcome, unknown keys are not.</summary>
public static class ConfigFile
{
    /// <summary>Largest configuration file in bytes: some hundred times the longest sensible one.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>How configurations, settings and reports are written.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        WriteIndented = true,
        RespectNullableAnnotations = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Reads a configuration file.</summary>
    /// <exception cref="UserErrorException">Missing, unreadable, too large, not JSON, an unknown key or a value of the wrong kind.</exception>
    public static NodeOptions Read(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > MaxBytes)
            {
                throw new UserErrorException($"{path}: {file.Length} bytes are more than a configuration may have ({MaxBytes})");
            }

            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot read the configuration: {e.Message}");
        }
    }

    /// <summary>Reads a configuration.</summary>
    /// <param name="text">The JSON text.</param>
    /// <param name="source">Named in errors.</param>
    /// <exception cref="UserErrorException">Not JSON, an unknown key or a value of the wrong kind.</exception>
    public static NodeOptions Parse(string text, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<NodeOptions>(text, Json)
                ?? throw new UserErrorException($"{source}: 'null' is not a configuration");
        }
        catch (JsonException e)
        {
            throw new UserErrorException(Describe(e, source));
        }
    }

    private static string Describe(JsonException e, string source)
    {
        string where = $"{source}:{(e.LineNumber ?? 0) + 1}";
        string path = (e.Path ?? "$").TrimStart('$').TrimStart('.');
        if (e.Message.Contains("could not be mapped", StringComparison.Ordinal))
        {
            string known = string.Join(", ", KnownKeys(path));
            return $"{where}: unknown key '{path}'; known here: {known}";
        }

        return path.Length > 0
            ? $"{where}: the value of '{path}' does not fit; see configs/README.md for its kind and range"
            : $"{where}: not valid JSON: {e.Message.Split(" Path:")[0].TrimEnd('.')}";
    }

    private static IEnumerable<string> KnownKeys(string path)
    {
        Type type = typeof(NodeOptions);
        string[] parts = path.Split('.');
        foreach (string part in parts[..^1])
        {
            Type? next = type.GetProperties().FirstOrDefault(p => KeyOf(p.Name) == part)?.PropertyType;
            type = next is null ? type : next;
        }

        return type.GetProperties().Select(p => KeyOf(p.Name));
    }

    /// <summary>The key of a property: its name in snake_case.</summary>
    public static string KeyOf(string propertyName) => JsonNamingPolicy.SnakeCaseLower.ConvertName(propertyName);
}
