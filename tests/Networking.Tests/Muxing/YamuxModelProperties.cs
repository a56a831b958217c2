using CsCheck;
using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>Two pure states joined by two queues of frames, driven at random, against a model that knows what was written.</summary>
public sealed class YamuxModelProperties
{
    private static readonly Gen<(int Operation, int Side, int Pick, int Amount)[]> Histories =
        Gen.Select(Gen.Int[0, 15], Gen.Int[0, 1], Gen.Int[0, 7], Gen.Int[0, 200_000]).Array[1, 300];

    [Fact]
    public void Every_byte_arrives_in_order_whatever_the_interleaving() =>
        Histories.Sample(history =>
        {
            var world = new World();
            foreach ((int operation, int side, int pick, int amount) in history)
            {
                world.Do(operation, side, pick, amount);
            }

            world.Finish();
        }, iter: 300);

    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 256 + (64 * 1024)).Select(i => (byte)(i * 31))];

    /// <summary>One direction of a stream: how far each station has come. Its bytes are a pattern of period 256 that begins at its id.</summary>
    private sealed class Flow(uint id)
    {
        public long Written;
        public long Sent;
        public long Received;
        public long Read;
        public bool IsClosed;
        public bool IsEnded;

        public ReadOnlySpan<byte> At(long index, int count) => Pattern.AsSpan((int)((index + id) % 256), count);
    }

    private sealed class Side(World world, int index)
    {
        public readonly YamuxSessionState State = new(index == 0, Options, new YamuxUnreadBytes());
        public readonly Queue<(YamuxHeader Header, byte[] Body)> Inbox = new();
        public readonly Queue<YamuxStreamState> Backlog = new();
        public readonly List<YamuxStreamState> Streams = [];

        public World World { get; } = world;

        public Flow Outgoing(uint id) => World.Flow(index, id);

        public Flow Incoming(uint id) => World.Flow(1 - index, id);
    }

    private static readonly YamuxOptions Options = new()
    {
        MaxWindowBytes = 1024 * 1024,
        MaxWindowGrowthBytes = 1024 * 1024,
        MaxUnacknowledgedOpens = 4,
        AcceptBacklog = 4,
        MaxInboundStreams = 6,
    };

    private sealed class World
    {
        private readonly Dictionary<(int Writer, uint Id), Flow> _flows = [];
        private readonly HashSet<uint> _reset = [];
        private readonly Side[] _sides;
        private TimeSpan _now;

        public World() => _sides = [new Side(this, 0), new Side(this, 1)];

        public Flow Flow(int writer, uint id)
        {
            if (!_flows.TryGetValue((writer, id), out Flow? flow))
            {
                _flows[(writer, id)] = flow = new Flow(id);
            }

            return flow;
        }

        public void Do(int operation, int sideIndex, int pick, int amount)
        {
            Side side = _sides[sideIndex];
            _now += TimeSpan.FromMicroseconds(amount);
            if (operation == 0)
            {
                Open(side);
            }
            else if (operation == 1)
            {
                AcceptOne(side);
            }
            else if (operation <= 5)
            {
                Pump(side, _sides[1 - sideIndex], 1 + (amount % 4));
            }
            else if (operation <= 9)
            {
                DeliverSome(side, 1 + (amount % 4));
            }
            else if (side.Streams.Count > 0)
            {
                OnStream(side, side.Streams[pick % side.Streams.Count], operation, amount);
            }
        }

        /// <summary>Lets everything come to rest, reading all the time; then each direction that was not reset is complete.</summary>
        public void Finish()
        {
            for (int i = 0; i < 10_000 && Step(); i++)
            {
            }

            Assert.All(_sides, side => Assert.Empty(side.Inbox));
            foreach (((int writer, uint id), Flow flow) in _flows)
            {
                if (!_reset.Contains(id))
                {
                    Assert.Equal((flow.Written, flow.Written, flow.Written), (flow.Sent, flow.Received, flow.Read));
                    Assert.Equal(flow.IsClosed, flow.IsEnded);
                }
            }
        }

        private bool Step()
        {
            bool moved = false;
            foreach (Side side in _sides)
            {
                while (AcceptOne(side))
                {
                    moved = true;
                }

                moved |= DeliverSome(side, int.MaxValue);
                foreach (YamuxStreamState stream in side.Streams)
                {
                    moved |= Read(side, stream, long.MaxValue);
                }

                moved |= Pump(side, _sides[1 - Array.IndexOf(_sides, side)], int.MaxValue);
            }

            return moved;
        }

        private void Open(Side side)
        {
            if (side.State.TryOpen(_now) is { } stream)
            {
                side.Streams.Add(stream);
            }
        }

        private static bool AcceptOne(Side side)
        {
            if (!side.Backlog.TryDequeue(out YamuxStreamState? stream))
            {
                return false;
            }

            side.State.Accept(stream);
            side.Streams.Add(stream);
            return true;
        }

        private void OnStream(Side side, YamuxStreamState stream, int operation, int amount)
        {
            Flow flow = side.Outgoing(stream.Id);
            if (operation <= 12 && stream.End == EndReason.None && !flow.IsClosed && amount > 0)
            {
                flow.Written += amount;
                side.State.Offer(stream, amount);
            }
            else if (operation == 13 && stream.End == EndReason.None)
            {
                flow.IsClosed = true;
                side.State.Finish(stream);
            }
            else if (operation == 14)
            {
                Read(side, stream, amount);
            }
            else if (operation == 15 && amount % 5 == 0 && side.State.Reset(stream, EndReason.ClosedLocally))
            {
                _reset.Add(stream.Id);
            }
        }

        private bool Read(Side side, YamuxStreamState stream, long most)
        {
            Flow flow = side.Incoming(stream.Id);
            long bytes = Math.Min(most, flow.Received - flow.Read);
            flow.Read += bytes;
            if (bytes > 0)
            {
                side.State.OnRead(stream, (uint)bytes, _now);
            }

            return bytes > 0;
        }

        private bool Pump(Side from, Side to, int frames)
        {
            bool moved = false;
            for (; frames > 0 && from.State.TryNextControl(_now, out YamuxHeader control); frames--)
            {
                if (control.Has(YamuxFlags.Rst))
                {
                    _reset.Add(control.StreamId);
                }

                to.Inbox.Enqueue((control, []));
                moved = true;
            }

            for (; frames > 0 && from.State.TryNextTurn(100_000, _now, out YamuxTurn turn); frames--)
            {
                to.Inbox.Enqueue((turn.Header, Body(from, turn.Header)));
                moved = true;
            }

            return moved;
        }

        private static byte[] Body(Side from, YamuxHeader header)
        {
            if (header.Type != YamuxFrameType.Data)
            {
                return [];
            }

            Assert.True(header.Length <= Options.MaxDataFrameBytes);
            Flow flow = from.Outgoing(header.StreamId);
            byte[] body = flow.At(flow.Sent, (int)header.Length).ToArray();
            flow.Sent += body.Length;
            return body;
        }

        private bool DeliverSome(Side side, int frames)
        {
            bool moved = false;
            for (; frames > 0 && side.Inbox.TryDequeue(out (YamuxHeader Header, byte[] Body) frame); frames--)
            {
                Deliver(side, frame.Header, frame.Body);
                moved = true;
            }

            return moved;
        }

        private void Deliver(Side side, YamuxHeader header, byte[] body)
        {
            YamuxOutcome outcome = side.State.OnFrame(header, _now);
            Assert.False(outcome.Has(YamuxActions.EndSession), $"{header} ended the session of an honest peer: {outcome.Reason}");
            if (outcome.Has(YamuxActions.Accept))
            {
                side.Backlog.Enqueue(outcome.Stream!);
            }

            Flow flow = side.Incoming(header.StreamId);
            if (outcome.Has(YamuxActions.Deliver))
            {
                Assert.False(flow.IsEnded, "data after the end");
                Assert.True(flow.At(flow.Received, body.Length).SequenceEqual(body), "bytes lost, doubled or out of order");
                flow.Received += body.Length;
                Assert.True(flow.Received - flow.Read <= outcome.Stream!.Window.Size, "more than a window is held");
            }

            flow.IsEnded |= outcome.Has(YamuxActions.EndOfData);
            Assert.True(side.State.GrowthLeft >= 0);
            Assert.True(side.State.StreamCount <= 1000);
        }
    }
}
