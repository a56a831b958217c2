using System.Reflection;
using System.Text;
using Akka.Remote;
using CsCheck;
using Google.Protobuf;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;
using static P2PLearn.Actors.Tests.Remoting.FrameBuilder;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>The firewall against Akka's own parser: whatever bytes pass, Akka must read them as something allowed.</summary>
public sealed class FrameFirewallProperties
{
    private static readonly PeerId Local = TestPeers.Id(0);
    private static readonly PeerId Remote = TestPeers.Id(1);
    private static readonly FrameFirewall Firewall = new(FirewallRules.For(["/user/round"], [300]), Local, Remote);

    private static readonly MessageParser AkkaParser = ParserOf("AkkaProtocolMessage");
    private static readonly MessageParser ContainerParser = ParserOf("AckAndEnvelopeContainer");
    private static readonly MessageParser SelectionParser = ParserOf("SelectionEnvelope");

    private static readonly string[] AllowedPaths =
    [
        "/system/cluster/core/daemon", "/system/cluster/heartbeatReceiver", "/system/cluster/core/daemon/heartbeatSender",
        "/system/cluster/core/daemon/joinSeedNodeProcess-1", "/user/ddataReplicator", "/system/remote-watcher", "/user/round", "/temp/a",
    ];

    private static readonly int[] AllowedSerializers = [4, 5, 12, 16, 17, 22, 300];

    private static readonly Gen<byte[]> Frames = Gen.OneOf(
        Pick(Samples()),
        from serializer in Gen.OneOf(Pick(1, 3, 4, 5, 6, 12, 16, 17, 22, 300), Gen.Int[0, 400])
        from manifest in Pick(
            "", "HB", "HBR", "ID", "PP", "M", "E", "x", "Akka.Cluster.ClusterUserAction+Down, Akka.Cluster", "Akka.Dispatch.SysMsg.Terminate, Akka")
        from path in Gen.OneOf(Pick(AllowedPaths), Pick("/", "/system/cluster", "/user/x", "/user/round/..", "/remote"))
        from peer in Gen.Int[0, 2]
        from body in Pick(Field(1, Address(Remote)), Field(1, Field(1, Address(Remote))), Address(Remote), Field(1, Message(1, "", [9])))
        select Frame(Envelope(Path(Local, path), Message(serializer, manifest, body), Path(TestPeers.Id(peer), "/x"))));

    [Fact]
    public void Random_bytes_never_throw() =>
        Gen.Byte.Array[0, 300].Sample(
            bytes =>
            {
                Firewall.Inspect(bytes);
                Firewall.InspectHandshake(bytes);
            },
            iter: 20_000);

    [Fact]
    public void A_frame_that_passes_is_one_that_akka_reads_as_allowed() => Frames.Sample(CheckAgainstAkka, iter: 10_000);

    [Fact]
    public void A_mutated_frame_that_passes_is_one_that_akka_reads_as_allowed() =>
        Gen.Select(Frames, Mutations).Sample((frame, mutation) => CheckAgainstAkka(mutation(frame)), iter: 30_000);

    [Fact]
    public async Task A_mutated_frame_of_a_living_cluster_that_passes_is_one_that_akka_reads_as_allowed()
    {
        System.Collections.Concurrent.ConcurrentQueue<byte[]> captured = new();
        await using (TestMesh mesh = new())
        {
            ClusterHost[] hosts = await mesh.FormAsync(
                2,
                i => (i == 0 ? TestMesh.Options() : TestMesh.Options(0)) with
                {
                    TransportSetup = setup => i == 0 ? setup.With(onFrame: frame => captured.Enqueue(frame.ToArray())) : setup,
                },
                system => Akka.DistributedData.DistributedData.Get(system));
            await Within.UntilAsync(() => captured.Count > 60, "frames of all kinds");
            await hosts[1].StopAsync().LimitAsync("a graceful leave");
        }

        Gen<byte[]> real = Pick([.. captured]);

        Assert.All(captured, frame => Assert.Equal(FrameVerdict.Pass, Firewall.Inspect(frame)));
        real.Sample(CheckAgainstAkka, iter: 1_000);
        Gen.Select(real, Mutations).Sample((frame, mutation) => CheckAgainstAkka(mutation(frame)), iter: 20_000);
    }

    private static Gen<Func<byte[], byte[]>> Mutations { get; } = Gen.OneOf<Func<byte[], byte[]>>(
        from at in Gen.Int[0, 1000]
        from value in Gen.Byte
        select (Func<byte[], byte[]>)(frame => [.. frame.Select((b, i) => i == at % frame.Length ? value : b)]),
        from at in Gen.Int[0, 1000]
        select (Func<byte[], byte[]>)(frame => frame[..(at % frame.Length)]),
        from tail in Gen.OneOf(Gen.Byte.Array[1, 20], Pick(Frame(Envelope(Path(Local, "/user/x"), Message(1, "", [1]))), Control(1)))
        select (Func<byte[], byte[]>)(frame => [.. frame, .. tail]),
        from path in Pick("/user/x", "/system/cluster", "/")
        select (Func<byte[], byte[]>)(frame => WithinContainer(frame, Field(2, Field(1, Field(1, Path(Local, path)))))),
        from serializer in Pick(1, 3, 6)
        select (Func<byte[], byte[]>)(frame => WithinContainer(frame, Field(2, Field(2, Message(serializer, "", [1]))))));

    /// <summary>Appends to the container of a payload frame: a parser would merge it into the message that is there.</summary>
    private static byte[] WithinContainer(byte[] frame, byte[] more) =>
        frame.Length > 0 && frame[0] == 10 && AkkaPdu.Read(frame) is { Kind: AkkaPduKind.Payload } pdu ? Field(1, [.. pdu.Payload, .. more]) : frame;

    private static byte[][] Samples() =>
    [
        Control(2), Control(3), Field(1, Field(1, Fixed64(1, 7))),
        Frame(Envelope(Path(Local, "/"), Selection(Message(5, "HB", Field(1, Address(Remote))), "system", "cluster", "heartbeatReceiver"))),
        Frame(Envelope(Path(Local, "/"), Selection(Message(12, "M", [1, 2]), "user", "ddataReplicator"), Path(Remote, "/user/ddataReplicator"))),
        Frame(Envelope(Path(Local, "/user/round"), Message(16, "ID", Field(1, Message(17, "S", [65]))))),
        Frame(Envelope(Path(Local, "/user/round"), Message(300, "x", [1, 2, 3]), Path(Remote, "/user/round"))),
        Frame(Envelope(Path(Local, "/"), Selection(Message(300, "x", [1]), "user", "round"))),
    ];

    private static void CheckAgainstAkka(byte[] frame)
    {
        if (Firewall.Inspect(frame) != FrameVerdict.Pass)
        {
            return;
        }

        IMessage protocol = AkkaParser.ParseFrom(frame);
        if (Get(protocol, "instruction") is IMessage instruction)
        {
            Assert.Contains(Get(instruction, "commandType")!.ToString(), (string[])["Disassociate", "Heartbeat", "DisassociateShuttingDown", "DisassociateQuarantined"]);
            return;
        }

        IMessage container = ContainerParser.ParseFrom((ByteString)Get(protocol, "payload")!);
        if (Get(container, "envelope") is not IMessage envelope)
        {
            return;
        }

        if (Get(envelope, "sender") is IMessage sender && Get(sender, "path") is string { Length: > 0 } from)
        {
            Assert.StartsWith(AkkaAddress.Of(Remote) + "/", from, StringComparison.Ordinal);
        }

        string recipient = (string)Get((IMessage)Get(envelope, "recipient")!, "path")!;
        Assert.StartsWith(AkkaAddress.Of(Local) + "/", recipient, StringComparison.Ordinal);
        CheckMessage((IMessage)Get(envelope, "message")!, recipient[AkkaAddress.Of(Local).ToString().Length..].Split('#')[0]);
    }

    private static void CheckMessage(IMessage message, string path)
    {
        int serializer = (int)Get(message, "serializerId")!;
        string manifest = ((ByteString)Get(message, "messageManifest")!).ToString(Encoding.UTF8);
        if (serializer == 6)
        {
            IMessage selection = SelectionParser.ParseFrom((ByteString)Get(message, "message")!);
            IEnumerable<IMessage> pattern = ((System.Collections.IEnumerable)Get(selection, "pattern")!).Cast<IMessage>();
            Assert.Equal("/", path);
            Assert.All(pattern, element => Assert.Equal("ChildName", Get(element, "type")!.ToString()));
            CheckMessage((IMessage)Get(selection, "payload")!, "/" + string.Join('/', pattern.Select(element => Get(element, "matcher"))));
            return;
        }

        Assert.Contains(serializer, AllowedSerializers);
        Assert.True(IsAllowed(path), path);
        if (serializer == 300)
        {
            return; // ours: it knows its own manifests
        }

        Assert.DoesNotContain("Down", manifest, StringComparison.Ordinal);
        Assert.DoesNotContain("Leave", manifest, StringComparison.Ordinal);
        Assert.DoesNotContain("Terminate", manifest, StringComparison.Ordinal);
        Assert.NotEqual("PP", serializer == 16 ? manifest : "");
    }

    private static bool IsAllowed(string path) =>
        AllowedPaths.Contains(path)
        || (((string[])["/system/cluster/core/daemon/", "/user/ddataReplicator/", "/temp/"]).FirstOrDefault(path.StartsWith) is { } parent
            && !path[parent.Length..].Contains('/', StringComparison.Ordinal) && path[parent.Length..] is not ("" or ".."));

    private static Gen<T> Pick<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static object? Get(IMessage message, string field) =>
        message.Descriptor.FindFieldByName(field).Accessor.GetValue(message);

    private static MessageParser ParserOf(string name) => (MessageParser)typeof(RemoteSettings).Assembly
        .GetType("Akka.Remote.Serialization.Proto.Msg." + name, throwOnError: true)!
        .GetProperty("Parser", BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)!.GetValue(null)!;
}
