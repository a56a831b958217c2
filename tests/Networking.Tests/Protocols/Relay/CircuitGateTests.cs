using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class CircuitGateTests
{
    private static readonly PeerId One = TestPeers.Id(1);
    private static readonly PeerId Two = TestPeers.Id(2);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Circuits_in_all_and_of_one_relay_are_limited()
    {
        CircuitGate gate = Create(new() { MaxCircuits = 3, MaxCircuitsPerRelay = 2 });
        IDisposable? first = gate.TryEnter(One);
        Assert.NotNull(first);
        Assert.NotNull(gate.TryEnter(One));
        Assert.Null(gate.TryEnter(One));
        Assert.NotNull(gate.TryEnter(Two));
        Assert.Null(gate.TryEnter(Two));
        Assert.Equal(3, gate.OpenCount);

        first.Dispose();
        first.Dispose();

        Assert.Equal(2, gate.OpenCount);
        Assert.NotNull(gate.TryEnter(Two));
        Assert.Null(gate.TryEnter(One));
    }

    [Fact]
    public void A_relay_may_bring_so_many_at_once_and_then_so_many_a_second()
    {
        CircuitGate gate = Create(new() { CircuitBurst = 3, CircuitsPerSecond = 2 });
        Assert.Equal(3, Enter(gate, One, 10));
        Assert.Equal(3, Enter(gate, Two, 10));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, Enter(gate, One, 10));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(3, Enter(gate, One, 10));
    }

    [Fact]
    public void Blame_falls_once_in_a_while()
    {
        CircuitGate gate = Create(new());
        Assert.True(gate.MayBlame(One));
        Assert.False(gate.MayBlame(One));
        Assert.True(gate.MayBlame(Two));

        _time.Advance(CircuitGate.BlameInterval);

        Assert.True(gate.MayBlame(One));
    }

    [Fact]
    public void Idle_relays_are_forgotten_and_busy_ones_are_not()
    {
        CircuitGate gate = Create(new() { MaxCircuitsPerRelay = 1 });
        Assert.NotNull(gate.TryEnter(One));
        for (int i = 10; i < 10 + (3 * CircuitGate.MaxEntries); i++)
        {
            gate.TryEnter(TestPeers.Id(i))!.Dispose();
        }

        Assert.InRange(gate.EntryCount, 1, CircuitGate.MaxEntries);
        Assert.Null(gate.TryEnter(One));
    }

    private CircuitGate Create(RelayClientOptions options) => new(options, _time);

    /// <summary>How many of so many get in, leaving at once.</summary>
    private static int Enter(CircuitGate gate, PeerId relay, int times)
    {
        int entered = 0;
        for (int i = 0; i < times; i++)
        {
            using IDisposable? ticket = gate.TryEnter(relay);
            entered += ticket is null ? 0 : 1;
        }

        return entered;
    }
}
