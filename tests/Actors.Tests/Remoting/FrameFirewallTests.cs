using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;
using static P2PLearn.Actors.Tests.Remoting.FrameBuilder;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class FrameFirewallTests
{
    private const string Action = "Akka.Cluster.InternalClusterAction+";
    private static readonly PeerId Local = TestPeers.Id(0);
    private static readonly PeerId Remote = TestPeers.Id(1);
    private static readonly PeerId Third = TestPeers.Id(2);
    private static readonly FrameFirewall Firewall = new(FirewallRules.For(["/user/round"], [300]), Local, Remote);

    [Fact]
    public void Heartbeats_of_members_pass()
    {
        byte[] beat = Message(5, "HB", Field(1, Address(Remote)));

        Assert.Equal(FrameVerdict.Pass, Judge("/", Selection(beat, "system", "cluster", "heartbeatReceiver")));
        Assert.Equal(FrameVerdict.Pass, Judge("/system/cluster/heartbeatReceiver#-123", beat));
    }

    [Fact]
    public void Acknowledgements_and_control_frames_pass()
    {
        Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(Field(1, Field(1, Fixed64(1, 7)))));
        Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(Control(2)));
        Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(Control(3)));
        Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(Control(5)));
    }

    [Theory]
    [InlineData("Akka.Cluster.ClusterUserAction+Down, Akka.Cluster")]
    [InlineData("Akka.Cluster.ClusterUserAction+Leave, Akka.Cluster")]
    [InlineData("Akka.Cluster.Routing.ClusterRouterPool, Akka.Cluster")]
    [InlineData("Akka.Cluster.InternalClusterAction+Join, Akka.Cluster.Evil")]
    public void Commands_that_are_only_ever_local_are_refused(string manifest) =>
        Assert.Equal(
            FrameVerdict.Manifest,
            Judge("/", Selection(Message(5, manifest, Field(1, Address(Third))), "system", "cluster", "core", "daemon")));

    [Theory]
    [InlineData("PP")]
    [InlineData("K")]
    [InlineData("IR")]
    [InlineData("STF")]
    [InlineData("CF")]
    [InlineData("RORRC")]
    public void Harmful_framework_messages_are_refused_even_for_our_own_actors(string manifest) =>
        Assert.Equal(FrameVerdict.Manifest, Judge("/user/round", Message(16, manifest, [])));

    [Theory]
    [InlineData("Akka.Dispatch.SysMsg.Terminate, Akka", FrameVerdict.Manifest)]
    [InlineData("Akka.Dispatch.SysMsg.Suspend, Akka", FrameVerdict.Manifest)]
    [InlineData("Akka.Dispatch.SysMsg.Watch, Akka", FrameVerdict.Pass)]
    public void Of_system_messages_only_those_of_the_death_watch_pass(string manifest, FrameVerdict verdict) =>
        Assert.Equal(verdict, Judge("/user/round", Message(22, manifest, [])));

    [Theory]
    [InlineData(1)] // polymorphic JSON
    [InlineData(2)] // protobuf by type name
    [InlineData(3)] // remote deployment
    [InlineData(36)] // reliable delivery
    [InlineData(301)] // unknown
    public void Serializers_that_are_not_listed_are_refused(int serializer)
    {
        Assert.Equal(FrameVerdict.Serializer, Judge("/user/round", Message(serializer, "", [1])));
        Assert.Equal(FrameVerdict.Serializer, Judge("/", Selection(Message(serializer, "", [1]), "user", "round")));
        Assert.Equal(FrameVerdict.Serializer, Judge("/remote", Message(serializer, "", [1])));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(16)]
    [InlineData(22)]
    public void A_message_inside_a_message_needs_an_allowed_serializer_too(int nested)
    {
        byte[] inside = Field(1, Message(nested, "", [1]));

        Assert.Equal(FrameVerdict.Nested, Judge("/user/round", Message(16, "ID", inside)));
        Assert.Equal(FrameVerdict.Nested, Judge("/user/round", Message(16, "STS", inside)));
        Assert.Equal(FrameVerdict.Nested, Judge("/", Selection(Message(16, "AID", inside), "user", "round")));
        Assert.Equal(FrameVerdict.Pass, Judge("/user/round", Message(16, "ID", Field(1, Message(300, "x", [1])))));
        Assert.Equal(FrameVerdict.Pass, Judge("/user/round", Message(16, "ID", Field(1, [])))); // null
    }

    [Theory]
    [InlineData("/system/cluster")]
    [InlineData("/user")]
    [InlineData("/user/other")]
    [InlineData("/user/round/child")]
    [InlineData("/user/round/../other")]
    [InlineData("/")]
    public void Only_listed_actors_can_be_written_to(string path) =>
        Assert.Equal(FrameVerdict.Recipient, Judge(path, Message(300, "x", [])));

    [Theory]
    [InlineData("joinSeedNodeProcess-1", FrameVerdict.Pass)]
    [InlineData("..", FrameVerdict.Recipient)]
    [InlineData("a/b", FrameVerdict.Recipient)]
    [InlineData("*", FrameVerdict.Recipient)]
    public void Children_of_a_listed_actor_are_plain_names(string child, FrameVerdict verdict) =>
        Assert.Equal(
            verdict, Judge($"/system/cluster/core/daemon/{child}", Message(5, $"{Action}InitJoinAck, Akka.Cluster", Address(Remote))));

    [Fact]
    public void Selections_with_patterns_or_steps_up_are_refused()
    {
        byte[] message = Message(300, "x", []);
        byte[] Select(ulong type, string name) => Message(6, "", [.. Field(1, message), .. Field(2, [.. Field(1, type), .. Field(2, name)])]);

        Assert.Equal(FrameVerdict.Recipient, Judge("/", Selection(message, "user", "*")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Selection(message, "user", "round", "..", "round")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Selection(message, "user/round")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Selection(message)));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Select(1, "")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Select(3, "user")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/user/round", Selection(message, "user", "round")));
        Assert.Equal(FrameVerdict.Recipient, Judge("/", Selection(message, [.. Enumerable.Repeat("name", 100)])));
        Assert.Equal(FrameVerdict.Serializer, Judge("/", Selection(Selection(message, "user", "round"), "user", "round")));
    }

    [Fact]
    public void A_sender_of_another_node_is_refused()
    {
        byte[] message = Message(300, "x", []);

        Assert.Equal(FrameVerdict.Pass, Judge("/user/round", message, Path(Remote, "/user/round")));
        Assert.Equal(FrameVerdict.ForeignSender, Judge("/user/round", message, Path(Third, "/user/round")));
        Assert.Equal(FrameVerdict.ForeignSender, Judge("/user/round", message, Path(Local, "/user/round")));
        Assert.Equal(FrameVerdict.ForeignSender, Judge("/user/round", message, "/user/round"));
        Assert.Equal(FrameVerdict.ForeignSender, Judge("/user/round", message, AkkaAddress.Of(Remote) + "0/user/round"));
    }

    [Fact]
    public void A_recipient_on_another_node_is_refused() =>
        Assert.Equal(FrameVerdict.Recipient, Firewall.Inspect(Frame(Envelope(Path(Third, "/user/round"), Message(300, "x", [])))));

    [Theory]
    [InlineData("Join, Akka.Cluster")]
    [InlineData("Welcome, Akka.Cluster")]
    public void Nobody_joins_or_welcomes_in_another_name(string action)
    {
        byte[] Of(PeerId peer) => Message(5, Action + action, Field(1, [.. Field(1, Address(peer)), .. Field(2, 5)]));

        Assert.Equal(FrameVerdict.Pass, Judge("/system/cluster/core/daemon", Of(Remote)));
        Assert.Equal(FrameVerdict.ForeignClaim, Judge("/system/cluster/core/daemon", Of(Third)));
    }

    [Fact]
    public void Nobody_confirms_the_exit_of_another()
    {
        byte[] Of(PeerId peer) => Message(5, $"{Action}ExitingConfirmed, Akka.Cluster", [.. Field(1, Address(peer)), .. Field(2, 5)]);

        Assert.Equal(FrameVerdict.Pass, Judge("/system/cluster/core/daemon", Of(Remote)));
        Assert.Equal(FrameVerdict.ForeignClaim, Judge("/system/cluster/core/daemon", Of(Third)));
    }

    [Fact]
    public void A_field_that_comes_twice_is_malformed()
    {
        // A protobuf parser takes the last one (or merges both): a firewall that looks at the first would be led past.
        byte[] message = Message(300, "x", []);
        byte[] envelope = Envelope(Path(Local, "/user/round"), message);
        byte[] json = Field(2, Message(1, "", [1]));

        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect(Frame([.. envelope, .. json])));
        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect(Frame(Envelope(Path(Local, "/user/round"), [.. message, .. Field(2, 1)]))));
        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect([.. Frame(envelope), .. Frame(envelope)]));
        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect([.. Frame(envelope), .. Control(3)]));
        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect([.. Frame(envelope), .. Field(9, 1)]));
    }

    [Fact]
    public void Numbers_that_a_parser_would_cut_off_are_malformed()
    {
        byte[] wideTag = [.. Varint((1UL << 32) | 10), .. Field(2, [])[1..]];
        byte[] negativeId = [.. Field(1, new byte[] { 1 }), .. Field(2, ulong.MaxValue - 4)];
        byte[] wideId = [.. Field(1, new byte[] { 1 }), .. Field(2, (1UL << 32) + 300)];

        Assert.Equal(FrameVerdict.Malformed, Firewall.Inspect(wideTag));
        Assert.Equal(FrameVerdict.Malformed, Judge("/user/round", negativeId));
        Assert.Equal(FrameVerdict.Malformed, Judge("/user/round", wideId));
    }

    [Fact]
    public void A_second_handshake_is_refused() =>
        Assert.Equal(FrameVerdict.UnexpectedHandshake, Firewall.Inspect(Associate(Remote)));

    [Fact]
    public void The_first_frame_is_a_handshake_from_the_peers_own_address()
    {
        byte[] otherPort = Control(1, Field(1, [.. Address(Remote)[..^12], .. Field(3, 4002), .. Field(4, "akka.p2p")]));

        Assert.Equal(FrameVerdict.Pass, Firewall.InspectHandshake(Associate(Remote)));
        Assert.Equal(FrameVerdict.ForeignClaim, Firewall.InspectHandshake(Associate(Third)));
        Assert.NotEqual(FrameVerdict.Pass, Firewall.InspectHandshake(otherPort));
        Assert.Equal(FrameVerdict.Malformed, Firewall.InspectHandshake(Control(3)));
        Assert.Equal(FrameVerdict.Malformed, Firewall.InspectHandshake(Frame(Envelope(Path(Local, "/user/round"), Message(300, "x", [])))));
    }

    [Fact]
    public void Without_actors_of_ours_nothing_below_user_but_the_replicator_is_open()
    {
        FrameFirewall membershipOnly = new(FirewallRules.Default, Local, Remote);
        byte[] status = Frame(Envelope(Path(Local, "/"), Selection(Message(12, "M", []), "user", "ddataReplicator")));

        Assert.Equal(FrameVerdict.Pass, membershipOnly.Inspect(status));
        Assert.Equal(
            FrameVerdict.Serializer, membershipOnly.Inspect(Frame(Envelope(Path(Local, "/user/round"), Message(17, "S", [1])))));
        Assert.Equal(
            FrameVerdict.Manifest,
            membershipOnly.Inspect(Frame(Envelope(Path(Local, "/user/ddataReplicator"), Message(12, "E", [1]))))); // a remote subscription
    }

    [Fact]
    public void Rules_are_only_for_actors_and_serializers_of_ours()
    {
        Assert.Throws<ArgumentException>(() => FirewallRules.For(["/system/cluster"], []));
        Assert.Throws<ArgumentException>(() => FirewallRules.For(["/user/ddataReplicator"], []));
        Assert.Throws<ArgumentException>(() => FirewallRules.For(["/user/*"], []));
        Assert.Throws<ArgumentException>(() => FirewallRules.For([], [1]));
    }

    [Fact]
    public void Judging_a_frame_allocates_nothing()
    {
        byte[] frame = Frame(Envelope(
            Path(Local, "/"), Selection(Message(5, "HB", Field(1, Address(Remote))), "system", "cluster", "heartbeatReceiver"), Path(Remote, "/x")));
        Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(frame));
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 1000; i++)
        {
            Firewall.Inspect(frame);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 999); // a few bytes once are the runtime's own
    }

    private static FrameVerdict Judge(string recipient, byte[] message, string? sender = null) =>
        Firewall.Inspect(Frame(Envelope(Path(Local, recipient), message, sender)));
}
