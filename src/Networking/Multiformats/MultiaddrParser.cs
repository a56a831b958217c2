using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Networking.Multiformats;

/// <summary>Reads the text of an address, and says in one line what is wrong with it.</summary>
internal static class MultiaddrParser
{
    private const int MaxQuoted = 64;

    public static bool TryParse(
        string text, [NotNullWhen(true)] out List<MultiaddrComponent>? components, [NotNullWhen(false)] out string? error)
    {
        components = null;
        error = CheckOutline(text);
        if (error is not null)
        {
            return false;
        }

        List<MultiaddrComponent> found = [];
        string rest = text.EndsWith('/') ? text[1..^1] : text[1..];
        while (rest.Length > 0 && error is null)
        {
            error = ReadComponent(ref rest, found);
        }

        components = error is null ? found : null;
        return error is null;
    }

    private static string? CheckOutline(string text) => text switch
    {
        { Length: 0 } => "an address must not be empty",
        { Length: > Multiaddr.MaxTextLength } => $"an address has at most {Multiaddr.MaxTextLength} characters",
        _ when text[0] != '/' => $"{Quote(text)} is no multiaddr: it must start with '/', e.g. /ip4/192.0.2.1/tcp/4001",
        { Length: 1 } => "'/' alone is no address",
        _ when text.Contains("//", StringComparison.Ordinal) => $"{Quote(text)} has an empty part ('//')",
        _ => null,
    };

    private static string? ReadComponent(ref string rest, List<MultiaddrComponent> found)
    {
        string name = Take(ref rest);
        if (!MultiaddrProtocol.TryGet(name, out MultiaddrProtocol? protocol))
        {
            return $"unknown protocol {Quote(name)}";
        }

        if (protocol.Kind == MultiaddrValueKind.None)
        {
            found.Add(new MultiaddrComponent(protocol, []));
            return null;
        }

        if (rest.Length == 0)
        {
            return $"'{name}' needs a value: {MultiaddrValue.Describe(protocol.Kind)}";
        }

        string text = protocol.Kind == MultiaddrValueKind.FilePath ? TakePath(ref rest) : Take(ref rest);
        if (!MultiaddrValue.TryParse(protocol.Kind, text, out byte[]? value))
        {
            return $"{Quote(text)} after '{name}' is not {MultiaddrValue.Describe(protocol.Kind)}";
        }

        found.Add(new MultiaddrComponent(protocol, value));
        return null;
    }

    private static string Take(ref string rest)
    {
        int end = rest.IndexOf('/');
        string part = end < 0 ? rest : rest[..end];
        rest = end < 0 ? string.Empty : rest[(end + 1)..];
        return part;
    }

    /// <summary>Today's text percent-encodes a path's slashes; in old text the path runs to the end.</summary>
    private static string TakePath(ref string rest)
    {
        if (rest.AsSpan(0, Math.Min(3, rest.Length)).Equals("%2F", StringComparison.OrdinalIgnoreCase))
        {
            return Take(ref rest);
        }

        string path = "/" + rest;
        rest = string.Empty;
        return path;
    }

    private static string Quote(string text) => text.Length <= MaxQuoted ? $"'{text}'" : $"'{text[..MaxQuoted]}…'";
}
