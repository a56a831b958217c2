using CsCheck;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Tests.Blocks;

namespace P2PLearn.Networking.Tests.Protocols.Bitswap;

public sealed class BitswapCodecTests
{
    private static readonly BitswapOptions Options = new();

    private static readonly Gen<BitswapMessage> Messages = Gen.Select(
        Gen.Bool,
        Gen.Select(Gen.Int[0, 50], Gen.Int[0, 1000], Gen.Int[0, 7], (i, priority, flags) =>
            new WantEntry(SomeBlocks.Create(i).Cid, priority, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0)).Array[0, 10],
        Gen.Int[0, 50].Array[0, 4],
        Gen.Select(Gen.Int[0, 50], Gen.Bool, (i, has) => new BlockPresence(SomeBlocks.Create(i).Cid, has)).Array[0, 10],
        (full, wants, blocks, presences) => new BitswapMessage
        {
            IsFull = full, Wants = wants, Blocks = [.. blocks.Select(i => SomeBlocks.Create(i, 100 + i))], Presences = presences,
        });

    [Fact]
    public void Every_message_round_trips() => Messages.Sample(message =>
    {
        Assert.Equal(EndReason.None, BitswapCodec.TryRead(BitswapCodec.Write(message).Span, Options, out BitswapMessage? read));
        Assert.Equal(message.IsFull, read!.IsFull);
        Assert.Equal(message.Wants, read.Wants);
        Assert.Equal(message.Presences, read.Presences);
        Assert.Equal(message.Blocks.Select(b => b.Cid), read.Blocks.Select(b => b.Cid));
    }, iter: 300);

    [Fact]
    public void A_message_has_these_bytes()
    {
        Block block = Block.Create("hi"u8.ToArray());
        var message = new BitswapMessage
        {
            IsFull = true,
            Wants = [new WantEntry(block.Cid, 1, true, true, true)],
            Blocks = [block],
            Presences = [new BlockPresence(block.Cid, false)],
        };
        string cid = Convert.ToHexStringLower(block.Cid.Bytes);
        Assert.Equal(
            "0a32" + "0a2e" + "0a24" + cid + "1001" + "1801" + "2001" + "2801" + "1001" // wantlist
            + "1a0a" + "0a0401551220" + "12026869" // payload
            + "2228" + "0a24" + cid + "1001", // presence
            Convert.ToHexStringLower(BitswapCodec.Write(message).Span));
    }

    [Fact]
    public void Hostile_bytes_never_throw()
    {
        byte[] valid = BitswapCodec.Write(new BitswapMessage
        {
            Wants = [new WantEntry(SomeBlocks.Create(1).Cid, 5, false, true, true)],
            Blocks = [SomeBlocks.Create(2, 20)],
            Presences = [new BlockPresence(SomeBlocks.Create(3).Cid, true)],
        }).ToArray();
        Hostile.Bytes(valid).Sample(bytes =>
        {
            EndReason reason = BitswapCodec.TryRead(bytes, Options, out BitswapMessage? message);
            return reason == EndReason.None ? message is not null : reason >= EndReason.MalformedMessage && message is null;
        }, iter: 10_000);
    }

    [Fact]
    public void Counts_beyond_the_limits_are_refused()
    {
        var few = new BitswapOptions { MaxEntriesPerMessage = 3, MaxBlocksPerMessage = 3 };
        foreach ((int count, EndReason expected) in new[] { (3, EndReason.None), (4, EndReason.TooManyRequests) })
        {
            Block[] blocks = SomeBlocks.List(count, 10);
            foreach (BitswapMessage message in new BitswapMessage[]
            {
                new() { Wants = [.. blocks.Select(b => new WantEntry(b.Cid, 0, false, false, false))] },
                new() { Presences = [.. blocks.Select(b => new BlockPresence(b.Cid, true))] },
                new() { Blocks = blocks },
            })
            {
                Assert.Equal(expected, BitswapCodec.TryRead(BitswapCodec.Write(message).Span, few, out _));
            }
        }
    }

    [Fact]
    public void A_want_may_have_a_negative_priority_and_foreign_names()
    {
        Cid foreign = Cid.CreateVersion0(Multihash.Sha256([1]));
        byte[] entry = [0x0a, (byte)foreign.Bytes.Length, .. foreign.Bytes, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        byte[] message = [0x0a, (byte)(entry.Length + 2), 0x0a, (byte)entry.Length, .. entry];
        Assert.Equal(EndReason.None, BitswapCodec.TryRead(message, Options, out BitswapMessage? read));
        Assert.Equal(new WantEntry(foreign, -1, false, false, false), Assert.Single(read!.Wants));
    }

    [Theory]
    [InlineData(0, EndReason.None)]
    [InlineData(1, EndReason.MessageTooLarge)]
    public void A_block_within_a_message_has_at_most_two_mebibytes(int more, EndReason expected)
    {
        byte[] data = new byte[Block.MaxBytes + more];
        byte[] block = [0x0a, 4, 0x01, 0x55, 0x12, 0x20, 0x12, .. Length(data), .. data];
        byte[] message = [0x1a, .. Length(block), .. block];
        Assert.Equal(expected, BitswapCodec.TryRead(message, Options, out BitswapMessage? read));
        Assert.Equal(more == 0, read?.Blocks.Single().Cid == Cid.ForRaw(data));

        static byte[] Length(byte[] bytes)
        {
            byte[] length = new byte[Uvarint.GetLength((ulong)bytes.Length)];
            Uvarint.Write(length, (ulong)bytes.Length);
            return length;
        }
    }
}
