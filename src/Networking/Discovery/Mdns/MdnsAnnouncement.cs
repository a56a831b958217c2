using System.Buffers;
using System.Text;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>What one peer says of itself in one answer.</summary>
/// <remarks>
/// Source: libp2p specs, discovery/mdns, Response:
/// <code>
/// answer      &lt;service&gt; PTR &lt;peer-name&gt;.&lt;service&gt;
/// additional  &lt;peer-name&gt;.&lt;service&gt; TXT "dnsaddr=&lt;multiaddr&gt;/p2p/&lt;peer id&gt;" …
/// </code>
/// One string for each address, in one TXT record or several; js-libp2p puts them among the answers. Nothing of it is signed.
/// </remarks>
/// <param name="Name">The name that the peer drew for itself.</param>
/// <param name="Peer">Whom it says it is.</param>
/// <param name="Addresses">Where it says it listens, without the trailing peer id; at least one.</param>
/// <param name="Ttl">How long that holds.</param>
internal sealed record MdnsAnnouncement(DnsName Name, PeerId Peer, IReadOnlyList<Multiaddr> Addresses, TimeSpan Ttl)
{
    /// <summary>Longest string of a TXT record (RFC 1035, 3.3).</summary>
    public const int MaxStringBytes = 255;

    private static ReadOnlySpan<byte> Key => "dnsaddr="u8;

    /// <summary>Takes the announcement out of a response.</summary>
    /// <param name="message">Untrusted.</param>
    /// <param name="service">The service that is looked for.</param>
    /// <param name="maxAddresses">Addresses taken; further ones are left.</param>
    /// <param name="withinMachine">Whether it comes from this machine.</param>
    /// <param name="announcement">The announcement, for <see cref="MdnsOutcome.Found"/> alone.</param>
    /// <returns>What is wrong with it.</returns>
    public static MdnsOutcome Read(
        DnsMessage message, DnsName service, int maxAddresses, bool withinMachine, out MdnsAnnouncement? announcement)
    {
        announcement = null;
        IEnumerable<DnsRecord> records = message.Answers.Concat(message.Additionals);
        HashSet<DnsName> names = [.. message.Answers.OfType<PtrRecord>().Where(r => r.Name.Equals(service)).Select(r => r.Target)];
        TxtRecord[] texts = [.. records.OfType<TxtRecord>().Where(r => names.Contains(r.Name) && r.Name.IsChildOf(service))];
        if (texts.Length == 0)
        {
            return MdnsOutcome.Ignored;
        }

        var addresses = new List<Multiaddr>();
        MdnsOutcome outcome = Collect(texts, maxAddresses, withinMachine, addresses, out PeerId? peer);
        if (outcome == MdnsOutcome.Found)
        {
            TimeSpan ttl = texts.Min(t => t.Ttl);
            announcement = new MdnsAnnouncement(texts[0].Name, peer!, addresses, ttl);
        }

        return outcome;
    }

    /// <summary>The addresses that an answer on a link holds: those of the link's own subnets first, in the order given, as far as
    /// they fit and are short enough.</summary>
    public static byte[]? Write(
        MdnsOptions options, DnsName service, DnsName name, PeerId local, MdnsLink link, IReadOnlyList<Multiaddr> addresses)
    {
        int left = options.MaxAnswerBytes - DnsReader.HeaderBytes
            - (2 * DnsWriter.RecordHeadBytes) - service.Wire.Length - (2 * name.Wire.Length);
        var strings = new ArrayBufferWriter<byte>();
        IEnumerable<string> texts = addresses
            .Where(a => a.Bytes.Length <= MaxStringBytes && MdnsLink.IsUsable(a, link.IsLoopback))
            .OrderByDescending(a => MdnsLink.FirstIP(a) is { } ip && link.IsOnLink(ip)) // a stable sort
            .Select(a => TextOf(a, local)).Distinct().Where(t => t.Length <= MaxStringBytes).Take(options.MaxAddressesPerPeer);
        foreach (string text in texts)
        {
            if (strings.WrittenCount + 1 + text.Length <= left)
            {
                strings.Write([(byte)text.Length]);
                Encoding.ASCII.GetBytes(text, strings);
            }
        }

        return strings.WrittenCount == 0
            ? null
            : Bytes(new DnsMessage(
                true,
                [],
                [new PtrRecord(service, options.AnswerTtl, name)],
                [new TxtRecord(name, options.AnswerTtl, strings.WrittenMemory)]));
    }

    /// <summary>The message as a packet.</summary>
    public static byte[] Bytes(DnsMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        DnsWriter.Write(output, message);
        return output.WrittenSpan.ToArray();
    }

    private static string TextOf(Multiaddr address, PeerId local) => "dnsaddr=" + address.WithPeerId(local);

    /// <summary>Every address names the peer, and all the same one: a packet that does not keep to it is believed in nothing.</summary>
    private static MdnsOutcome Collect(
        TxtRecord[] texts, int maxAddresses, bool withinMachine, List<Multiaddr> addresses, out PeerId? peer)
    {
        peer = null;
        foreach (ReadOnlyMemory<byte> text in texts.SelectMany(t => t.Strings()))
        {
            if (!text.Span.StartsWith(Key) || !Multiaddr.TryParse(Encoding.UTF8.GetString(text.Span[Key.Length..]), out Multiaddr? address))
            {
                continue; // another key, or an address of a kind not known here
            }

            if (address.PeerId is not { } named)
            {
                return MdnsOutcome.NoPeerId;
            }

            peer ??= named;
            if (peer != named)
            {
                return MdnsOutcome.PeerIdsDiffer;
            }

            bool isWanted = addresses.Count < maxAddresses && MdnsLink.IsUsable(address, withinMachine);
            if (isWanted && address.WithoutPeerId() is { } bare && !addresses.Contains(bare))
            {
                addresses.Add(bare);
            }
        }

        return addresses.Count > 0 ? MdnsOutcome.Found : MdnsOutcome.NoAddress;
    }
}
