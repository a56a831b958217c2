using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class CircuitMeterTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    [Fact]
    public void Each_way_carries_its_limit_and_not_a_byte_more()
    {
        var meter = new CircuitMeter(new LinkLimit(null, 100), Idle);
        Assert.True(meter.TryCount(CircuitWay.ToTarget, 60, TimeSpan.Zero));
        Assert.True(meter.TryCount(CircuitWay.ToSource, 100, TimeSpan.Zero));
        Assert.Equal(41, meter.NextRead(CircuitWay.ToTarget, 1000));
        Assert.False(meter.TryCount(CircuitWay.ToTarget, 41, TimeSpan.Zero));
        Assert.True(meter.TryCount(CircuitWay.ToTarget, 40, TimeSpan.Zero));
        Assert.Equal(1, meter.NextRead(CircuitWay.ToTarget, 1000));
        Assert.False(meter.TryCount(CircuitWay.ToSource, 1, TimeSpan.Zero));
        Assert.Equal(200, meter.TotalBytes);
    }

    [Fact]
    public void Without_limit_the_buffer_is_the_limit()
    {
        var meter = new CircuitMeter(null, Idle);
        Assert.Equal(1000, meter.NextRead(CircuitWay.ToTarget, 1000));
        Assert.True(meter.TryCount(CircuitWay.ToTarget, int.MaxValue, TimeSpan.Zero));
        Assert.Equal(1000, meter.NextRead(CircuitWay.ToTarget, 1000));
    }

    [Fact]
    public void Its_time_ends_whatever_it_carries()
    {
        var meter = new CircuitMeter(new LinkLimit(TimeSpan.FromSeconds(7), null), Idle);
        Assert.Equal(EndReason.None, meter.Check(TimeSpan.Zero, out TimeSpan wait));
        Assert.Equal(Idle, wait);
        meter.TryCount(CircuitWay.ToTarget, 1, TimeSpan.FromSeconds(4));
        Assert.Equal(EndReason.None, meter.Check(TimeSpan.FromSeconds(5), out wait));
        Assert.Equal(TimeSpan.FromSeconds(2), wait);
        meter.TryCount(CircuitWay.ToTarget, 1, TimeSpan.FromSeconds(6));
        Assert.Equal(EndReason.LimitReached, meter.Check(TimeSpan.FromSeconds(7), out _));
    }

    [Fact]
    public void It_ends_when_nothing_passes()
    {
        var meter = new CircuitMeter(null, Idle);
        meter.TryCount(CircuitWay.ToSource, 1, TimeSpan.FromSeconds(1));
        Assert.Equal(EndReason.None, meter.Check(TimeSpan.FromSeconds(5.9), out _));
        Assert.Equal(EndReason.Timeout, meter.Check(TimeSpan.FromSeconds(6), out _));
    }
}
