using System.Buffers;
using CsCheck;
using Google.Protobuf;
using P2PLearn.Actors.Remoting;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class AssociationLedgerTests
{
    private const int Every = AssociationLedger.AckEveryFrames;
    private readonly byte[] _buffer = new byte[4096];

    [Fact]
    public void Room_comes_back_when_frames_are_acknowledged_not_when_they_are_sent()
    {
        AssociationLedger ledger = new(maxBytes: 40_000, maxFrames: 100);
        Assert.True(ledger.TryEnqueue(Frame(20_000)));
        Assert.True(ledger.TryEnqueue(Frame(20_000)));
        Assert.False(ledger.TryEnqueue(Frame(1)));
        TakeAll(ledger);
        Assert.False(ledger.TryEnqueue(Frame(1)));
        Assert.Equal(40_000, ledger.Bytes);

        Assert.True(ledger.TryAcknowledge(1));

        Assert.Equal(20_000, ledger.Bytes);
        Assert.True(ledger.TryEnqueue(Frame(20_000)));
    }

    [Fact]
    public void A_frame_larger_than_the_bound_is_never_refused_when_all_else_is_sent_and_little_unacknowledged()
    {
        AssociationLedger ledger = new(maxBytes: 40_000, maxFrames: 100);
        Assert.True(ledger.TryEnqueue(Frame(AssociationLedger.AckEveryBytes)));
        Assert.False(ledger.TryEnqueue(Frame(50_000)));
        TakeAll(ledger);

        Assert.True(ledger.TryEnqueue(Frame(50_000)));
        Assert.False(ledger.TryEnqueue(Frame(1)));
    }

    [Fact]
    public void The_number_of_frames_is_bounded_too_whatever_a_peer_acknowledges()
    {
        AssociationLedger ledger = new(maxBytes: 1000, maxFrames: 3);

        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => ledger.TryEnqueue(Frame(1))));
        TakeAll(ledger);
        Assert.False(ledger.TryEnqueue(Frame(1)));
        Assert.True(ledger.TryAcknowledge(2));
        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => ledger.TryEnqueue(Frame(1))));
        Assert.Equal(3, ledger.Bytes);
    }

    [Fact]
    public void A_completed_ledger_gives_what_it_has_and_takes_no_more()
    {
        AssociationLedger ledger = new(maxBytes: 1000, maxFrames: 3);
        ledger.TryEnqueue(Frame(7));
        ledger.Complete();

        Assert.False(ledger.TryEnqueue(Frame(1)));
        Assert.False(ledger.IsDrained);
        Assert.Equal(11, ledger.Take(_buffer, out _, out _));
        Assert.True(ledger.IsDrained);
    }

    [Fact]
    public void Only_frames_that_were_sent_over_this_stream_can_be_acknowledged_and_each_once()
    {
        AssociationLedger ledger = Sent(5);

        Assert.False(ledger.TryAcknowledge(6));
        Assert.False(ledger.TryAcknowledge(ulong.MaxValue));
        Assert.True(ledger.TryAcknowledge(3));
        Assert.False(ledger.TryAcknowledge(2));
        Assert.True(ledger.TryRewind(4));
        Assert.False(ledger.TryAcknowledge(5)); // not sent again yet
        Assert.Equal(4u, ledger.Acknowledged);
        TakeAll(ledger);
        Assert.True(ledger.TryAcknowledge(5));
        Assert.Equal(0, ledger.Bytes);
    }

    [Theory]
    [InlineData(2ul, false)] // gone
    [InlineData(3ul, true)]
    [InlineData(5ul, true)]
    [InlineData(6ul, false)] // written, never sent
    [InlineData(ulong.MaxValue, false)]
    public void A_new_stream_may_begin_with_any_frame_that_is_kept_or_the_one_after(ulong number, bool possible)
    {
        AssociationLedger ledger = Sent(5);
        Assert.True(ledger.TryAcknowledge(3));
        Assert.True(ledger.TryEnqueue(Frame(1)));

        Assert.Equal(possible, ledger.CanRewind(number));
        Assert.Equal(possible, ledger.TryRewind(number));
        Assert.Equal(possible ? number : 3, ledger.Acknowledged);
    }

    [Fact]
    public void An_acknowledgement_goes_along_with_frames_and_by_itself_only_when_it_is_due()
    {
        AssociationLedger ledger = new(1000, 100);
        for (int i = 0; i < (Every / 2) - 1; i++)
        {
            Assert.False(ledger.Receive(10));
        }

        ledger.TryEnqueue(Frame(7));
        Assert.Equal(FrameCodec.PrefixBytes + 7, ledger.Take(_buffer, out _, out _));
        Assert.False(ledger.Receive(10));
        Assert.Equal(0, ledger.Take(_buffer, out _, out _));
        ledger.TryEnqueue(Frame(7));
        Assert.Equal(FrameCodec.AckBytes + FrameCodec.PrefixBytes + 7, ledger.Take(_buffer, out int frames, out _));
        Assert.Equal(1, frames);

        for (int i = 1; i < Every; i++)
        {
            Assert.False(ledger.Receive(1));
        }

        Assert.Equal(0, ledger.Take(_buffer, out _, out _));
        Assert.True(ledger.Receive(1));
        Assert.Equal(FrameCodec.AckBytes, ledger.Take(_buffer, out _, out _));
        Assert.True(ledger.Receive(AssociationLedger.AckEveryBytes));
        Assert.Equal(FrameCodec.AckBytes, ledger.Take(_buffer, out _, out _));
    }

    [Fact]
    public void Frames_in_steady_state_allocate_nothing()
    {
        AssociationLedger ledger = new(100_000, 1000);
        ByteString frame = Frame(100);
        ulong number = 0;
        for (int i = 0; i < 100; i++)
        {
            ledger.TryEnqueue(frame);
        }

        Cycle();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Cycle();
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 999); // a few bytes once are the runtime's own

        void Cycle()
        {
            ledger.TryEnqueue(frame);
            ledger.Receive(100);
            ledger.Take(_buffer, out int frames, out _);
            ledger.TryAcknowledge(number += (ulong)frames);
        }
    }

    [Fact]
    public void Frames_come_out_in_order_and_whole_in_buffers_of_any_size() =>
        Gen.Select(Gen.Byte.Array[1, 200].List[1, 30], Gen.Int[16, 300]).Sample((bodies, size) =>
        {
            AssociationLedger ledger = new(int.MaxValue, 100);
            bodies.ForEach(body => Assert.True(ledger.TryEnqueue(ByteString.CopyFrom(body))));
            List<byte> written = [];
            byte[] buffer = new byte[size];
            int used, total = 0;
            while ((used = ledger.Take(buffer, out int frames, out ByteString? large)) > 0)
            {
                written.AddRange(buffer.AsSpan(0, used));
                written.AddRange(large?.ToByteArray() ?? []);
                total += frames;
            }

            ReadOnlySequence<byte> sequence = new(written.ToArray());
            foreach (byte[] body in bodies)
            {
                Assert.True(FrameCodec.TryRead(ref sequence, 1000, out InboundFrame read));
                Assert.Equal(body, read.Data);
            }

            Assert.Equal(bodies.Count, total);
        });

    private static ByteString Frame(int length) => ByteString.CopyFrom(new byte[length]);

    private AssociationLedger Sent(int frames)
    {
        AssociationLedger ledger = new(1000, 100);
        for (int i = 0; i < frames; i++)
        {
            Assert.True(ledger.TryEnqueue(Frame(1)));
        }

        TakeAll(ledger);
        return ledger;
    }

    private void TakeAll(AssociationLedger ledger)
    {
        while (ledger.Take(_buffer, out _, out _) > 0)
        {
        }
    }
}

/// <summary>Two ledgers and streams between them that break anywhere: what one side writes is what the other reads.</summary>
public sealed class AssociationLedgerProperties
{
    [Fact]
    public void What_one_side_writes_is_what_the_other_reads_whatever_breaks_when() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 400]).List[1, 300].Sample(steps =>
        {
            Pair pair = new();
            foreach ((int what, int size) in steps)
            {
                pair.Step(what, size);
            }

            pair.Settle();
            Assert.Equal(pair.Left.Written, pair.Right.Delivered);
            Assert.Equal(pair.Right.Written, pair.Left.Delivered);
        });

    private sealed class Pair
    {
        public Side Left { get; } = new();

        public Side Right { get; } = new();

        public void Step(int what, int size)
        {
            switch (what)
            {
                case 0 or 1:
                    Left.Write(size);
                    break;
                case 2:
                    Right.Write(size);
                    break;
                case 3:
                    Left.Send(size);
                    break;
                case 4:
                    Right.Send(size);
                    break;
                case 5 or 6:
                    Right.Read(Left, size * 2);
                    break;
                case 7 or 8:
                    Left.Read(Right, size * 2);
                    break;
                default:
                    Resume(answerArrives: size % 3 != 0);
                    break;
            }

            Assert.True(Left.Delivered.SequenceEqual(Right.Written.Take(Left.Delivered.Count)));
            Assert.True(Right.Delivered.SequenceEqual(Left.Written.Take(Right.Delivered.Count)));
        }

        /// <summary>Everything on its way is lost. The handshake too may break half way: then only one side has rewound, until the next.</summary>
        private void Resume(bool answerArrives)
        {
            Left.OnTheWay.Clear();
            Right.OnTheWay.Clear();
            ulong asked = Left.Ledger.AcknowledgeAll();
            Assert.True(Right.Ledger.CanRewind(asked));
            Assert.True(Right.Ledger.TryRewind(asked));
            ulong answer = Right.Ledger.AcknowledgeAll();
            if (answerArrives)
            {
                Assert.True(Left.Ledger.TryRewind(answer));
            }
            else
            {
                Resume(answerArrives: true);
            }
        }

        public void Settle()
        {
            Resume(answerArrives: true);
            for (int i = 0; i < 10_000 && (Left.Delivered.Count < Right.Written.Count || Right.Delivered.Count < Left.Written.Count); i++)
            {
                Left.Send(1000);
                Right.Send(1000);
                Left.Read(Right, int.MaxValue);
                Right.Read(Left, int.MaxValue);
            }
        }
    }

    private sealed class Side
    {
        private byte _next;

        public AssociationLedger Ledger { get; } = new(maxBytes: 3000, maxFrames: 40);

        public List<byte> OnTheWay { get; } = [];

        public List<(byte First, int Length)> Written { get; } = [];

        public List<(byte First, int Length)> Delivered { get; } = [];

        public void Write(int size)
        {
            byte[] body = new byte[size + 1];
            body[0] = _next;
            if (Ledger.TryEnqueue(ByteString.CopyFrom(body)))
            {
                Written.Add((_next++, body.Length));
            }
        }

        public void Send(int size)
        {
            byte[] buffer = new byte[size + 16];
            int used = Ledger.Take(buffer, out _, out ByteString? large);
            OnTheWay.AddRange(buffer[..used]);
            OnTheWay.AddRange(large?.ToByteArray() ?? []);
        }

        public void Read(Side from, int bytes)
        {
            ReadOnlySequence<byte> buffer = new(from.OnTheWay.Take(bytes).ToArray());
            long all = buffer.Length;
            while (FrameCodec.TryRead(ref buffer, 1000, out InboundFrame frame))
            {
                if (frame.Kind == FrameKind.Data)
                {
                    Ledger.Receive(frame.Data.Length);
                    Delivered.Add((frame.Data[0], frame.Data.Length));
                }
                else
                {
                    Assert.True(Ledger.TryAcknowledge(frame.Number));
                }
            }

            from.OnTheWay.RemoveRange(0, (int)(all - buffer.Length));
        }
    }
}
