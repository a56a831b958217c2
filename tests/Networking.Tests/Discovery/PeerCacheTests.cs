using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery;

public sealed class PeerCacheTests : IDisposable
{
    private static readonly PeerId A = TestPeers.Id(1);
    private static readonly PeerId B = TestPeers.Id(2);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("p2plearn-peers-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, 500, TimeSpan.Zero));
    private readonly Warnings _warnings = new(_ => { });

    private string File => Path.Combine(_folder.FullName, "data", "peers");

    public void Dispose()
    {
        _warnings.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_is_noted_is_there_after_a_restart_the_newest_first()
    {
        await using (PeerCache cache = Open())
        {
            Assert.Empty(cache.Peers);
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
            _time.Advance(TimeSpan.FromSeconds(1));
            cache.Succeeded(B, Multiaddr.Parse($"/ip4/192.0.2.2/tcp/2/p2p/{B}"));
        }

        await using PeerCache next = Open();
        Assert.Equal([B, A], next.Peers.Select(p => p.Peer));
        Assert.Equal("/ip4/192.0.2.2/tcp/2", Assert.Single(next.Peers[0].Addresses).ToString());
        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(next.Peers[1].Addresses).ToString());
        Assert.Equal(new DateTimeOffset(2026, 11, 22, 12, 0, 1, TimeSpan.Zero), next.Peers[0].LastSeen);
        Assert.Empty(_warnings.Texts);
    }

    [Fact]
    public async Task The_address_that_last_worked_comes_first()
    {
        await using PeerCache cache = Open();
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2", "/ip4/192.0.2.1/tcp/3"));
        cache.Succeeded(A, Multiaddr.Parse("/ip4/192.0.2.1/tcp/3"));
        cache.Succeeded(A, Multiaddr.Parse("/ip4/192.0.2.1/tcp/2"));
        Assert.Equal([2, 3, 1], Ports(cache));
        cache.Succeeded(A, Multiaddr.Parse("/ip4/192.0.2.1/tcp/3"));
        Assert.Equal([3, 2, 1], Ports(cache));
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/9", $"/ip4/192.0.2.1/tcp/2/p2p/{A}"));
        Assert.Equal([3, 2, 9], Ports(cache)); // no more at 1; 3 worked, though it is not announced
        cache.Seen(A, []);
        Assert.Equal([3, 2, 9], Ports(cache));
        cache.Succeeded(A, Multiaddr.Parse($"/p2p/{A}")); // says nothing
        Assert.Equal([3, 2, 9], Ports(cache));
        cache.Seen(B, []);
        Assert.Single(cache.Peers);
    }

    [Fact]
    public async Task What_worked_keeps_its_place_over_a_restart()
    {
        await using (PeerCache cache = Open())
        {
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2"));
            cache.Succeeded(A, Multiaddr.Parse("/ip4/192.0.2.1/tcp/2"));
        }

        await using PeerCache next = Open();
        next.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        Assert.Equal([2, 1], Ports(next));
    }

    [Fact]
    public async Task Old_successes_do_not_crowd_out_what_the_peer_announces_now()
    {
        await using PeerCache cache = Open();
        for (int port = 1; port <= 20; port++)
        {
            cache.Succeeded(A, Multiaddr.Parse($"/ip4/192.0.2.1/tcp/{port}"));
        }

        Assert.Equal([20, 19, 18, 17, 16, 15, 14, 13], Ports(cache));
        cache.Seen(A, Addresses([.. Enumerable.Range(100, 20).Select(p => $"/ip4/192.0.2.1/tcp/{p}"), "/ip4/192.0.2.1/tcp/13"]));
        Assert.Equal([20, 19, 18, 17, 13, 100, 101, 102], Ports(cache));
    }

    [Fact]
    public async Task The_peer_seen_longest_ago_makes_room()
    {
        await using PeerCache cache = Open(new PeerCacheOptions { MaxPeers = 3 });
        foreach (int number in (int[])[1, 2, 3, 1, 4])
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            cache.Seen(TestPeers.Id(number), Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        Assert.Equal([TestPeers.Id(4), TestPeers.Id(1), TestPeers.Id(3)], cache.Peers.Select(p => p.Peer));
    }

    [Fact]
    public async Task A_peer_not_seen_for_a_month_is_forgotten()
    {
        await using (PeerCache cache = Open())
        {
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
            _time.Advance(TimeSpan.FromDays(20));
            cache.Seen(B, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        _time.Advance(TimeSpan.FromDays(11));
        await using PeerCache next = Open();
        Assert.Equal([B], next.Peers.Select(p => p.Peer));
        _time.Advance(TimeSpan.FromDays(20));
        Assert.Empty(next.Peers);
    }

    [Fact]
    public async Task A_forgotten_peer_stays_forgotten()
    {
        await using (PeerCache cache = Open())
        {
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
            cache.Seen(B, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        await using (PeerCache cache = Open())
        {
            cache.Forget(A);
            cache.Forget(TestPeers.Id(9));
        }

        await using PeerCache next = Open();
        Assert.Equal([B], next.Peers.Select(p => p.Peer));
    }

    [Fact]
    public async Task Changes_gather_for_a_while_and_then_are_written()
    {
        await using PeerCache cache = Open();
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        _time.Advance(TimeSpan.FromSeconds(4));
        cache.Seen(B, Addresses("/ip4/192.0.2.1/tcp/1")); // does not put the writing off
        Assert.False(System.IO.File.Exists(File));
        _time.Advance(TimeSpan.FromSeconds(1));
        await using PeerCache other = Open();
        Assert.Equal(2, other.Peers.Count);
        System.IO.File.Delete(File);
        _time.Advance(TimeSpan.FromMinutes(59));
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1")); // seen again is nothing to write by itself
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(System.IO.File.Exists(File));
        _time.Advance(TimeSpan.FromMinutes(1));
        cache.Seen(B, []);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(System.IO.File.Exists(File));
    }

    [Fact]
    public async Task The_file_is_for_its_owner_alone_and_no_other_file_stays()
    {
        await using (PeerCache cache = Open())
        {
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        Assert.Equal([File], Directory.GetFiles(Path.GetDirectoryName(File)!));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        }
    }

    [Fact]
    public async Task A_crash_while_writing_leaves_the_old_file()
    {
        await using (PeerCache cache = Open())
        {
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        System.IO.File.WriteAllText(File + ".new", "p2plearn-peers 1\nhalf a li");
        await using (PeerCache cache = Open())
        {
            Assert.Equal([A], cache.Peers.Select(p => p.Peer));
            cache.Seen(B, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        await using PeerCache next = Open();
        Assert.Equal(2, next.Peers.Count);
        Assert.Empty(_warnings.Texts);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("{}", "it is no peer cache")]
    [InlineData("p2plearn-peers 2\nwhatever a later version writes\n", "it is of another version")]
    [InlineData("p2plearn-peers 1\n12D3", "it is cut off or damaged")]
    public async Task A_file_that_is_none_of_ours_is_one_warning_and_an_empty_cache(string text, string reason)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        System.IO.File.WriteAllText(File, text);
        await using (PeerCache cache = Open())
        {
            Assert.Empty(cache.Peers);
            Assert.Contains(reason, Assert.Single(_warnings.Texts), StringComparison.Ordinal);
            cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        }

        await using PeerCache next = Open();
        Assert.Single(next.Peers);
    }

    [Fact]
    public async Task A_file_beyond_the_limit_is_not_even_read()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        using (FileStream file = System.IO.File.Create(File))
        {
            file.SetLength(1L << 40); // sparse
        }

        await using PeerCache cache = Open();
        Assert.Empty(cache.Peers);
        Assert.Contains("1099511627776 bytes are more than", Assert.Single(_warnings.Texts), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_written_is_one_warning_and_tried_again()
    {
        System.IO.File.WriteAllText(Path.Combine(_folder.FullName, "data"), "a file where a folder should be");
        await using (PeerCache cache = Open())
        {
            for (int port = 1; port <= 3; port++)
            {
                cache.Seen(A, Addresses($"/ip4/192.0.2.1/tcp/{port}"));
                _time.Advance(TimeSpan.FromSeconds(5));
            }

            Assert.Contains("cannot be written", Assert.Single(_warnings.Texts), StringComparison.Ordinal);
            System.IO.File.Delete(Path.Combine(_folder.FullName, "data"));
        }

        await using PeerCache next = Open();
        Assert.Single(next.Peers);
    }

    [Fact]
    public async Task A_folder_in_its_place_is_no_file_and_a_warning_when_written()
    {
        Directory.CreateDirectory(File);
        await using PeerCache cache = Open();
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Single(_warnings.Texts);
        Assert.Single(cache.Peers);
    }

    [Fact]
    public async Task Ending_twice_is_harmless_and_what_comes_after_is_not_written()
    {
        PeerCache cache = Open();
        await cache.DisposeAsync();
        await cache.DisposeAsync();
        cache.Seen(A, Addresses("/ip4/192.0.2.1/tcp/1"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(System.IO.File.Exists(File));
    }

    [Fact]
    public async Task Many_threads_at_once_lose_nothing()
    {
        await using (PeerCache cache = Open())
        {
            Parallel.For(0, 64, i => cache.Seen(TestPeers.Id(i), Addresses($"/ip4/192.0.2.1/tcp/{i + 1}")));
        }

        await using PeerCache next = Open();
        Assert.Equal(64, next.Peers.Count);
    }

    [Fact]
    public void Options_that_cannot_work_are_refused()
    {
        foreach (PeerCacheOptions options in (PeerCacheOptions[])
            [
                new() { MaxPeers = 0 }, new() { MaxAddressesPerPeer = 0 }, new() { MaxUnannouncedAddresses = 9 },
                new() { MaxUnannouncedAddresses = -1 }, new() { MaxFileBytes = 10 }, new() { MaxAge = TimeSpan.Zero },
                new() { WriteDelay = TimeSpan.Zero }, new() { SeenPrecision = TimeSpan.Zero },
            ])
        {
            Assert.ThrowsAny<ArgumentException>(() => Open(options));
        }
    }

    private static Multiaddr[] Addresses(params string[] texts) => [.. texts.Select(Multiaddr.Parse)];

    private static int[] Ports(PeerCache cache) => [.. cache.Peers[0].Addresses.Select(
        a => int.Parse(a.Components[1].Value!, System.Globalization.CultureInfo.InvariantCulture))];

    private PeerCache Open(PeerCacheOptions? options = null) => new(File, options ?? new PeerCacheOptions(), _time, _warnings);
}
