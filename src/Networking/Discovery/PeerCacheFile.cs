using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery;

/// <summary>The text of a peer cache file.</summary>
/// <remarks>
/// UTF-8, each line ended by one line feed, fields parted by one space:
/// <code>
/// p2plearn-peers 1
/// &lt;peer id&gt; &lt;last seen&gt; &lt;good count&gt; &lt;address&gt; [&lt;address&gt; …]
/// …
/// sha256 &lt;64 lower-case hex digits&gt;
/// </code>
/// The peer id is in base58, the time in seconds since 1970, the addresses are multiaddrs without the trailing peer id: first the good ones, that
/// led to a connection, the newest first, then those that the peer announced. The last line is the hash of all bytes before it, so
/// that a file cut short anywhere, or changed by hand or by a bad disk, is known as such. No key: whoever may write the
/// file may write the node's identity too.
/// </remarks>
internal static class PeerCacheFile
{
    private const string Magic = "p2plearn-peers ";
    private const string Version = "1";
    private const string SumKey = "sha256 ";
    private const int SumLineBytes = 7 + (2 * SHA256.HashSizeInBytes) + 1;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text of as many peers, from the first on, as fit.</summary>
    public static byte[] Write(IEnumerable<PeerCacheEntry> entries, int maxBytes)
    {
        using var output = new MemoryStream();
        output.Write(Utf8.GetBytes(Magic + Version + "\n"));
        foreach (PeerCacheEntry entry in entries)
        {
            byte[] line = Utf8.GetBytes(Line(entry));
            if (output.Length + line.Length + SumLineBytes > maxBytes)
            {
                break;
            }

            output.Write(line);
        }

        string sum = Convert.ToHexStringLower(SHA256.HashData(output.GetBuffer().AsSpan(0, (int)output.Length)));
        output.Write(Utf8.GetBytes(SumKey + sum + "\n"));
        return output.ToArray();
    }

    /// <summary>Reads a file whole or not at all.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="entries">The peers, each once, in the order of the file.</param>
    /// <param name="error">What is wrong with it, for the log.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> bytes,
        [NotNullWhen(true)] out IReadOnlyList<PeerCacheEntry>? entries,
        [NotNullWhen(false)] out string? error)
    {
        entries = null;
        error = CheckOutline(bytes);
        if (error is not null)
        {
            return false;
        }

        try
        {
            string[] lines = Utf8.GetString(bytes[..^(SumLineBytes + 1)]).Split('\n');
            var found = new Dictionary<PeerId, PeerCacheEntry>();
            for (int i = 1; i < lines.Length; i++)
            {
                if (!TryReadLine(lines[i], out PeerCacheEntry? entry) || !found.TryAdd(entry.Peer, entry))
                {
                    error = $"line {i + 1} is not a peer with its addresses";
                    return false;
                }
            }

            entries = [.. found.Values];
            return true;
        }
        catch (DecoderFallbackException)
        {
            error = "it is no UTF-8 text";
            return false;
        }
    }

    private static string? CheckOutline(ReadOnlySpan<byte> bytes)
    {
        byte[] head = Utf8.GetBytes(Magic);
        if (!bytes.StartsWith(head))
        {
            return "it is no peer cache";
        }

        int endOfHead = bytes.IndexOf((byte)'\n');
        if (endOfHead < 0 || !bytes[head.Length..endOfHead].SequenceEqual(Utf8.GetBytes(Version)))
        {
            return "it is of another version";
        }

        ReadOnlySpan<byte> sum = bytes.Length >= endOfHead + 1 + SumLineBytes ? bytes[^SumLineBytes..] : [];
        byte[] expected = Utf8.GetBytes(SumKey + Convert.ToHexStringLower(SHA256.HashData(bytes[..^sum.Length])) + "\n");
        return sum.SequenceEqual(expected) ? null : "it is cut off or damaged";
    }

    private static string Line(PeerCacheEntry entry)
    {
        string[] good = [.. entry.Addresses.Take(entry.GoodCount).Select(a => a.ToString()).Where(IsWritable)];
        IEnumerable<string> rest = entry.Addresses.Skip(entry.GoodCount).Select(a => a.ToString()).Where(IsWritable);
        string addresses = string.Join(' ', good.Concat(rest));
        return addresses.Length == 0
            ? string.Empty
            : string.Create(CultureInfo.InvariantCulture, $"{entry.Peer} {entry.LastSeen.ToUnixTimeSeconds()} {good.Length} {addresses}\n");
    }

    /// <summary>A value with a space or line feed in it would be read as two, and one that does not read back as none.</summary>
    private static bool IsWritable(string address) =>
        !address.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) && Multiaddr.TryParse(address, out _);

    private static bool TryReadLine(string line, [NotNullWhen(true)] out PeerCacheEntry? entry)
    {
        entry = null;
        string[] fields = line.Split(' ');
        if (fields.Length < 4
            || !PeerId.TryParse(fields[0], out PeerId? peer)
            || !TryParseNumber(fields[1], DateTimeOffset.MaxValue.ToUnixTimeSeconds(), out long seconds)
            || !TryParseNumber(fields[2], fields.Length - 3, out long good))
        {
            return false;
        }

        var addresses = new List<Multiaddr>();
        foreach (string text in fields.AsSpan(3))
        {
            if (!Multiaddr.TryParse(text, out Multiaddr? address))
            {
                return false;
            }

            addresses.Add(address);
        }

        entry = new PeerCacheEntry(peer, addresses, (int)good, DateTimeOffset.FromUnixTimeSeconds(seconds));
        return true;
    }

    private static bool TryParseNumber(string text, long max, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= max;
}
