using Akka.Actor;
using Akka.Actor.Setup;
using P2PLearn.Actors.Remoting;
using P2PLearn.Actors.Replication;
using P2PLearn.TestKit;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class AkkaConfigTests
{
    [Fact]
    public async Task Messages_without_a_serializer_of_their_own_cannot_be_sent()
    {
        await using Fabric fabric = new();
        P2PTransportSetup setup = new(fabric.AddNode(0), TimeProvider.System, new TestLog());
        ActorSystem system = ActorSystem.Create(
            AkkaAddress.SystemName,
            ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(
                AkkaConfig.Build([], "1.0.0", AkkaTimings.WideArea, new P2PTransportOptions(), FirewallRules.Default)), setup));
        try
        {
            Assert.ThrowsAny<Exception>(() => system.Serialization.FindSerializerFor(new List<int>()));
            Assert.ThrowsAny<Exception>(() => system.Serialization.Serialize(new Unbound()));
            Assert.ThrowsAny<Exception>(() => system.Serialization.Deserialize([1], 1, ""));
            Assert.ThrowsAny<Exception>(() => system.Serialization.Deserialize([1], 3, ""));
            Assert.IsType<CrdtSerializer>(system.Serialization.FindSerializerFor(ReplicatedContributions.Empty));
            Assert.IsType<CrdtSerializer>(system.Serialization.FindSerializerFor(ContributionsKey.Shards[0]));
        }
        finally
        {
            await system.Terminate().LimitAsync("the system to end");
        }
    }

    [Theory]
    [InlineData("a b", "1.0")]
    [InlineData("trainer", "1\"0")]
    [InlineData("", "1.0")]
    [InlineData("x]", "1.0")]
    public void Words_that_would_change_the_configuration_are_refused(string role, string version) =>
        Assert.Throws<ArgumentException>(() =>
            AkkaConfig.Build([role], version, AkkaTimings.WideArea, new P2PTransportOptions(), FirewallRules.Default));

    [Fact]
    public void Timings_and_limits_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => (AkkaTimings.WideArea with { GossipInterval = TimeSpan.Zero }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            (AkkaTimings.WideArea with { HeartbeatPause = TimeSpan.FromSeconds(1) }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new P2PTransportOptions { MaxPayloadBytes = 1 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new P2PTransportOptions { MaxQueuedBytes = 1 }.Validate());
        AkkaTimings.LocalNetwork.Validate();
    }

    [Theory]
    [InlineData(Akka.Event.LogLevel.ErrorLevel, "akka://x/system/endpointManager/writer", "Disassociated", LogLevel.Debug)]
    [InlineData(Akka.Event.LogLevel.WarningLevel, "akka://x/system/endpointManager/w", "Association with remote system has failed; address is now gated", LogLevel.Debug)]
    [InlineData(Akka.Event.LogLevel.ErrorLevel, "akka://x/user/run", "Disassociated", LogLevel.Error)]
    [InlineData(Akka.Event.LogLevel.ErrorLevel, "akka://x/system/endpointManager/w", "Serializer not defined for message", LogLevel.Error)]
    [InlineData(Akka.Event.LogLevel.WarningLevel, "akka://x/user/run", "slow", LogLevel.Warning)]
    [InlineData(Akka.Event.LogLevel.InfoLevel, "akka://x/user/run", "hello", LogLevel.Debug)]
    public void What_frightens_for_no_reason_is_for_debugging(
        Akka.Event.LogLevel level, string source, string line, LogLevel expected) =>
        Assert.Equal(expected, AkkaLogBridge.LevelOf(level, source, line));

    [Fact]
    public void A_line_in_the_log_is_one_line_of_bounded_length()
    {
        string line = AkkaLogBridge.Clean("a\nb\u001b[31m" + new string('x', 10_000));

        Assert.StartsWith("a b [31m", line, StringComparison.Ordinal);
        Assert.Equal(AkkaLogBridge.MaxLineLength + 1, line.Length);
    }

    private sealed record Unbound;
}
