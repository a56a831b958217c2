using P2PLearn.Networking.Swarm.Dialing;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm.Dialing;

public sealed class DirectDialsTests
{
    [Fact]
    public async Task Calling_off_stops_the_dials_to_that_peer_and_waits_until_they_are_gone()
    {
        var dials = new DirectDials();
        DirectDials.Dial wanted = dials.Begin(TestPeers.Id(1), default);
        using DirectDials.Dial other = dials.Begin(TestPeers.Id(2), default);

        Task off = dials.CallOffAsync(TestPeers.Id(1));
        await Within.UntilAsync(() => wanted.Token.IsCancellationRequested, "the dial is told to stop");
        Assert.False(off.IsCompleted);
        Assert.True(wanted.IsCalledOff);
        wanted.Dispose();
        await off.LimitAsync("the dial's end");

        Assert.False(other.Token.IsCancellationRequested);
        await dials.CallOffAsync(TestPeers.Id(1)).LimitAsync("nothing left to wait for");
    }
}
