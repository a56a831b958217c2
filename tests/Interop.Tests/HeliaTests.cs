using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>Blocks between our node and Helia's bitswap, over loopback.</summary>
public sealed class HeliaTests
{
    public static TheoryData<int> Sizes => [1, 1000, 256 * 1024, 1 << 20];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Helia_fetches_from_us(int bytes)
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "blocks.mjs");
        await using BlockPeer ours = await BlockPeer.StartAsync();
        Block block = Block.Create(Content(1, bytes));
        await ours.Store.PutAsync(block, default);
        await js.AskAsync("dial", ("address", ours.Address));

        JsonObject got = await js.AskAsync("get", ("cid", block.Cid.ToString()));

        Assert.Equal(bytes, (int)got["bytes"]!);
        Assert.Equal(Convert.ToHexStringLower(block.Cid.Hash.Digest), (string)got["sha256"]!);
        Assert.Equal(1, ours.Bitswap.LedgerOf(js.Peer).BlocksSent);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task We_fetch_from_Helia(int bytes)
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "blocks.mjs");
        await using BlockPeer ours = await BlockPeer.StartAsync();
        Block expected = Block.Create(Content(2, bytes));
        Assert.Equal(expected.Cid.ToString(), (string)(await js.AskAsync("put", ("seed", 2), ("bytes", bytes)))["cid"]!);
        await ours.Node.ConnectAsync(js.Address, default).LimitAsync("connecting");

        await ours.FetchAsync([new BlockRef(expected.Cid, bytes)], js.Peer).LimitAsync("the block");

        Assert.Equal(expected.Content.ToArray(), (await ours.Store.GetAsync(expected.Cid, default))!.Content.ToArray());
    }

    [Fact]
    public async Task We_fetch_many_blocks_from_Helia()
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "blocks.mjs");
        await using BlockPeer ours = await BlockPeer.StartAsync();
        List<BlockRef> blocks = [];
        for (int seed = 10; seed < 50; seed++)
        {
            await js.AskAsync("put", ("seed", seed), ("bytes", 100_000));
            blocks.Add(new BlockRef(Cid.ForRaw(Content(seed, 100_000)), 100_000));
        }

        await ours.Node.ConnectAsync(js.Address, default).LimitAsync("connecting");
        await ours.FetchAsync(blocks, js.Peer).LimitAsync("forty blocks");

        Assert.Equal(40, ours.Store.Stats().BlockCount);
    }

    [Fact]
    public async Task Helia_gets_a_block_that_comes_after_it_asked()
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "blocks.mjs");
        await using BlockPeer ours = await BlockPeer.StartAsync();
        Block block = Block.Create(Content(3, 5000));
        await js.AskAsync("dial", ("address", ours.Address));
        Task<JsonObject> asked = js.AskAsync("get", ("cid", block.Cid.ToString()));
        await Within.UntilAsync(() => ours.Bitswap.LedgerOf(js.Peer).Wants == 1, "its want is kept");

        await ours.Store.PutAsync(block, default);
        ours.Bitswap.Stored(block.Cid, block.Size);

        Assert.Equal(5000, (int)(await asked)["bytes"]!);
    }

    /// <summary>The same bytes as in <c>blocks.mjs</c>.</summary>
    private static byte[] Content(int seed, int bytes)
    {
        using var content = new MemoryStream();
        for (int i = 0; content.Length < bytes; i++)
        {
            content.Write(SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}:{i}")));
        }

        return content.ToArray()[..bytes];
    }

    /// <summary>A node of ours with a store and bitswap.</summary>
    private sealed class BlockPeer : IAsyncDisposable
    {
        private readonly KeyPair _key = KeyPair.FromSeed(TestPeers.Seed(1));
        private readonly string _folder;

        private BlockPeer(string folder, FileBlockStore store)
        {
            (_folder, Store) = (folder, store);
            Node = new Node(new SwarmOptions { Identity = _key, AgentVersion = "interop/1.0" });
            Bitswap = new BitswapService(Node, store, new BitswapOptions(), TimeProvider.System, NullLoggerFactory.Instance);
        }

        public Node Node { get; }

        public FileBlockStore Store { get; }

        public BitswapService Bitswap { get; }

        public string Address => Node.ListenAddresses[0].WithPeerId(Node.LocalPeer).ToString();

        public static async Task<BlockPeer> StartAsync()
        {
            string folder = Directory.CreateTempSubdirectory("p2plearn-helia-").FullName;
            FileBlockStore store = await FileBlockStore.OpenAsync(
                folder, new BlockStoreOptions(), TimeProvider.System, NullLoggerFactory.Instance, default);
            var peer = new BlockPeer(folder, store);
            await peer.Node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
            return peer;
        }

        public Task FetchAsync(IReadOnlyCollection<BlockRef> blocks, PeerId from) =>
            new BlockFetcher(Bitswap, Store, new FetchOptions(), 1, TimeProvider.System, NullLoggerFactory.Instance)
                .FetchAsync(blocks, ListAsync(from), null, default);

        public async ValueTask DisposeAsync()
        {
            await Bitswap.DisposeAsync();
            await Node.DisposeAsync();
            await Store.DisposeAsync();
            _key.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        private static async IAsyncEnumerable<PeerId> ListAsync(PeerId peer)
        {
            await Task.Yield();
            yield return peer;
        }
    }
}
