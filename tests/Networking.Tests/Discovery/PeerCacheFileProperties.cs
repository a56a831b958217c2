using System.Security.Cryptography;
using System.Text;
using CsCheck;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery;

public sealed class PeerCacheFileProperties
{
    private const int MaxBytes = 1 << 20;

    private static readonly Gen<Multiaddr> Address = Gen.Select(
        Gen.Byte, Gen.UShort, Gen.Int[0, 3], (host, port, kind) => Multiaddr.Parse(kind switch
        {
            0 => $"/ip4/192.0.2.{host}/tcp/{port}",
            1 => $"/ip6/2001:db8::{host}/tcp/{port}",
            2 => $"/dns4/host{host}.example/tcp/{port}",
            _ => $"/ip4/192.0.2.{host}/tcp/{port}/p2p/{TestPeers.Id(host)}/p2p-circuit",
        }));

    private static readonly Gen<PeerCacheEntry[]> Entries = Gen.Select(
        Address.Array[1, 8], Gen.Int[0, 8], Gen.Int[0, int.MaxValue],
        (addresses, good, seconds) => (addresses, good, seconds)).Array[0, 12].Select(rows => rows.Select((row, i) => new PeerCacheEntry(
            TestPeers.Id(i), row.addresses, Math.Min(row.good, row.addresses.Length), DateTimeOffset.FromUnixTimeSeconds(row.seconds))).ToArray());

    [Fact]
    public void A_file_has_these_bytes()
    {
        Multiaddr[] addresses = [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001"), Multiaddr.Parse("/ip6/2001:db8::1/tcp/4001")];
        var entry = new PeerCacheEntry(TestPeers.Id(1), addresses, 1, DateTimeOffset.FromUnixTimeSeconds(1_795_376_453));
        string body = $"p2plearn-peers 1\n{TestPeers.Id(1)} 1795376453 1 /ip4/192.0.2.1/tcp/4001 /ip6/2001:db8::1/tcp/4001\n";
        Assert.Equal(Summed(body), Encoding.UTF8.GetString(PeerCacheFile.Write([entry], MaxBytes)));
    }

    [Fact]
    public void Every_cache_round_trips() => Entries.Sample(entries =>
    {
        Assert.True(PeerCacheFile.TryRead(PeerCacheFile.Write(entries, MaxBytes), out IReadOnlyList<PeerCacheEntry>? read, out _));
        Assert.Equal(entries.Select(Describe), read.Select(Describe));
    }, iter: 200);

    [Fact]
    public void A_file_cut_off_at_any_byte_is_refused_whole()
    {
        byte[] file = PeerCacheFile.Write(Sample(5), MaxBytes);
        for (int length = 0; length < file.Length; length++)
        {
            Assert.False(PeerCacheFile.TryRead(file.AsSpan(0, length), out _, out string? error));
            Assert.NotEmpty(error);
        }
    }

    [Fact]
    public void A_file_with_any_byte_changed_is_refused_whole()
    {
        byte[] file = PeerCacheFile.Write(Sample(3), MaxBytes);
        for (int i = 0; i < file.Length; i++)
        {
            byte[] changed = [.. file];
            changed[i] ^= 0x01;
            Assert.False(PeerCacheFile.TryRead(changed, out _, out _));
        }
    }

    [Fact]
    public void Hostile_files_never_throw() =>
        Hostile.Bytes(PeerCacheFile.Write(Sample(2), MaxBytes), PeerCacheFile.Write([], MaxBytes)).Sample(
            bytes => PeerCacheFile.TryRead(bytes, out _, out string? error) || error.Length > 0, iter: 2_000);

    [Fact]
    public void Hostile_lines_with_a_right_sum_never_throw() =>
        Hostile.Bytes(Encoding.UTF8.GetBytes($"{TestPeers.Id(1)} 1 1 /ip4/192.0.2.1/tcp/1")).Sample(line =>
        {
            byte[] body = [.. "p2plearn-peers 1\n"u8, .. line, (byte)'\n'];
            byte[] file = [.. body, .. Encoding.UTF8.GetBytes($"sha256 {Convert.ToHexStringLower(SHA256.HashData(body))}\n")];
            return !PeerCacheFile.TryRead(file, out IReadOnlyList<PeerCacheEntry>? read, out _)
                || read.All(e => e.Addresses.Count > 0 && e.GoodCount >= 0 && e.GoodCount <= e.Addresses.Count);
        }, iter: 5_000);

    [Theory]
    [InlineData("{0} 1 0")] // no address
    [InlineData("{0} 1 0 ")]
    [InlineData("{0} 1 2 /ip4/192.0.2.1/tcp/1")] // more good ones than there are
    [InlineData("{0} 1 -1 /ip4/192.0.2.1/tcp/1")]
    [InlineData("{0} -1 0 /ip4/192.0.2.1/tcp/1")]
    [InlineData("{0} 253402300800 0 /ip4/192.0.2.1/tcp/1")] // the year 10000
    [InlineData("{0} 99999999999999999999 0 /ip4/192.0.2.1/tcp/1")]
    [InlineData("12D3 1 0 /ip4/192.0.2.1/tcp/1")]
    [InlineData("{0} 1 0 /ip4/192.0.2.1/tcp/1  /ip4/192.0.2.1/tcp/2")]
    [InlineData("{0} 1 0 /ip4/192.0.2.1/tcp/1\n{0} 1 0 /ip4/192.0.2.1/tcp/1")] // twice
    [InlineData("")]
    public void Lines_that_say_no_peer_spoil_the_file(string line)
    {
        string body = "p2plearn-peers 1\n" + line.Replace("{0}", TestPeers.Id(1).ToString(), StringComparison.Ordinal) + "\n";
        Assert.False(PeerCacheFile.TryRead(Encoding.UTF8.GetBytes(Summed(body)), out _, out string? error));
        Assert.Contains("is not a peer", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_text_is_refused()
    {
        byte[] body = [.. "p2plearn-peers 1\n"u8, 0xff, 0xfe, (byte)'\n'];
        byte[] file = [.. body, .. Encoding.UTF8.GetBytes($"sha256 {Convert.ToHexStringLower(SHA256.HashData(body))}\n")];
        Assert.False(PeerCacheFile.TryRead(file, out _, out string? error));
        Assert.Contains("UTF-8", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Peers_that_do_not_fit_are_left_out_from_the_end()
    {
        PeerCacheEntry[] entries = Sample(50);
        byte[] file = PeerCacheFile.Write(entries, 1024);
        Assert.InRange(file.Length, 700, 1024);
        Assert.True(PeerCacheFile.TryRead(file, out IReadOnlyList<PeerCacheEntry>? read, out _));
        Assert.InRange(read.Count, 3, 15);
        Assert.Equal(entries.Take(read.Count).Select(Describe), read.Select(Describe));
    }

    [Fact]
    public void What_a_file_says_beyond_the_limits_is_cut_and_the_future_is_now()
    {
        var options = new PeerCacheOptions { MaxPeers = 4, MaxAddressesPerPeer = 2, MaxUnannouncedAddresses = 1 };
        var table = new PeerCacheTable(options);
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(1_000_000_000);
        Multiaddr[] addresses = [.. Enumerable.Range(1, 5).Select(p => Multiaddr.Parse($"/ip4/192.0.2.1/tcp/{p}"))];
        table.Load(Enumerable.Range(0, 9).Select(i => new PeerCacheEntry(TestPeers.Id(i), addresses, 5, now.AddDays(1 - (8 * i)))), now);
        IReadOnlyList<PeerCacheEntry> kept = table.Newest(now);
        Assert.Equal(TestPeers.List(4), kept.Select(e => e.Peer)); // the fourth is 23 days old, the fifth 31
        Assert.Equal(now, kept[0].LastSeen);
        Assert.All(kept, e => Assert.Equal((2, 2), (e.Addresses.Count, e.GoodCount)));
    }

    private static PeerCacheEntry[] Sample(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new PeerCacheEntry(
            TestPeers.Id(i), [Multiaddr.Parse($"/ip4/192.0.2.{i + 1}/tcp/4001")], 1, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000 + i))),
    ];

    private static string Summed(string body) => $"{body}sha256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))}\n";

    private static string Describe(PeerCacheEntry entry) =>
        $"{entry.Peer} {entry.LastSeen:O} {entry.GoodCount} {string.Join(' ', entry.Addresses)}";
}
