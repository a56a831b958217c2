using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Tests.Negotiation;

public sealed class MultistreamStateTests
{
    private static readonly MultistreamOptions Options = new();
    private static readonly byte[] Header = Message("/multistream/1.0.0");

    private static readonly byte[][] Valid =
    [
        Header, [.. Header, .. Message("/b")], [.. Header, .. Message("na")], [.. Header, .. Message("/x"), .. Message("/b")],
    ];

    [Fact]
    public void Messages_are_those_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("multistream"))
        {
            byte[] expected = entry.Hex("hex");
            Assert.Equal(expected, Message(entry.Text("message")));
            Assert.Equal(
                EndReason.None, MultistreamMessage.Read(expected, 1024, out ReadOnlySpan<byte> text, out int bytesRead));
            Assert.Equal(expected.Length, bytesRead);
            Assert.Equal(entry.Text("message"), Encoding.UTF8.GetString(text));
        }
    }

    [Theory]
    [InlineData("00", EndReason.MalformedMessage)] // not even a newline
    [InlineData("02610b", EndReason.MalformedMessage)] // ends in something else
    [InlineData("8300", EndReason.MalformedMessage)] // a length not in its shortest form
    [InlineData("8108", EndReason.MessageTooLarge)] // 1025
    [InlineData("ffffffffffffffff7f", EndReason.MessageTooLarge)] // 2^63 - 1
    [InlineData("ffffffffffffffffff01", EndReason.MalformedMessage)]
    [InlineData("8008", EndReason.None)] // 1024: wait for it
    [InlineData("80", EndReason.None)]
    public void Lengths_are_judged_before_the_message_is_awaited(string hex, EndReason expected)
    {
        Assert.Equal(expected, MultistreamMessage.Read(Convert.FromHexString(hex), 1024, out _, out int bytesRead));
        Assert.Equal(0, bytesRead);
    }

    [Fact]
    public void Our_own_names_have_no_newline_and_a_limit()
    {
        Assert.Throws<ArgumentException>(() => Message("/a\n"));
        Assert.Throws<ArgumentException>(() => Message(""));
        Assert.Throws<ArgumentException>(() => Message("/" + new string('x', ProtocolId.MaxBytes)));
        Assert.Equal(2 + 1024, Message("/" + new string('x', ProtocolId.MaxBytes - 1)).Length);
    }

    [Fact]
    public void Both_sides_agree_on_the_first_common_protocol_however_the_bytes_are_cut() => Gen.Select(
        Gen.Int[0, 7], Gen.Int[1, 7], Gen.Int[1, 40]).Sample((spoken, proposed, piece) =>
    {
        string[] names = ["/a", "/b/1.0.0", "/c"];
        string[] candidates = [.. names.Where((_, i) => (proposed & (1 << i)) != 0)];
        var initiator = new MultistreamInitiator(candidates, Options);
        var responder = new MultistreamResponder(name => (spoken & (1 << Array.IndexOf(names, name))) != 0, Options);
        string? expected = candidates.FirstOrDefault(name => (spoken & (1 << Array.IndexOf(names, name))) != 0);
        Converse(initiator, responder, piece);
        return (initiator.Agreed, responder.Agreed, initiator.Refused) == (expected, expected, expected is null);
    });

    [Fact]
    public void What_follows_the_agreement_is_not_consumed()
    {
        var output = new ArrayBufferWriter<byte>();
        var responder = new MultistreamResponder(_ => true, Options);
        byte[] optimistic = [.. Header, .. Message("/b"), 1, 2, 3];
        Assert.Equal(EndReason.None, responder.Receive(optimistic, output, out int consumed));
        Assert.Equal(("/b", optimistic.Length - 3), (responder.Agreed, consumed));
        Assert.Equal([.. Header, .. Message("/b")], output.WrittenSpan);

        var initiator = new MultistreamInitiator(["/b"], Options);
        Assert.Equal(EndReason.None, initiator.Receive(optimistic, output, out consumed));
        Assert.Equal(("/b", optimistic.Length - 3), (initiator.Agreed, consumed));
    }

    [Fact]
    public void A_header_alone_is_answered_at_once()
    {
        var output = new ArrayBufferWriter<byte>();
        var responder = new MultistreamResponder(_ => true, Options);
        responder.Receive(Header, output, out _);
        Assert.Equal(Header, output.WrittenSpan);
    }

    [Theory]
    [InlineData("ls")]
    [InlineData("na")]
    [InlineData("no slash")]
    public void Ls_and_other_names_without_a_slash_are_not_available(string proposal)
    {
        var output = new ArrayBufferWriter<byte>();
        var responder = new MultistreamResponder(_ => true, Options);
        Assert.Equal(EndReason.None, responder.Receive([.. Header, .. Message(proposal)], output, out _));
        Assert.Equal([.. Header, .. Message("na")], output.WrittenSpan);
        Assert.Null(responder.Agreed);
    }

    [Fact]
    public void Anything_before_the_header_and_any_other_answer_is_unexpected()
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(
            EndReason.UnexpectedMessage, new MultistreamResponder(_ => true, Options).Receive(Message("/b"), output, out _));
        Assert.Equal(
            EndReason.UnexpectedMessage, new MultistreamInitiator(["/b"], Options).Receive(Message("/b"), output, out _));
        Assert.Equal(
            EndReason.UnexpectedMessage,
            new MultistreamInitiator(["/b"], Options).Receive([.. Header, .. Message("/c")], output, out _));
    }

    [Fact]
    public void Proposals_are_counted()
    {
        var output = new ArrayBufferWriter<byte>();
        var responder = new MultistreamResponder(_ => false, Options);
        responder.Receive(Header, output, out _);
        for (int i = 0; i < Options.MaxProposals; i++)
        {
            Assert.Equal(EndReason.None, responder.Receive(Message("/x"), output, out _));
        }

        Assert.Equal(EndReason.TooManyRequests, responder.Receive(Message("/x"), output, out _));
    }

    [Fact]
    public void Hostile_bytes_end_in_a_reason_or_wait_and_never_throw() => Hostile.Bytes(Valid).Sample(bytes =>
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (INegotiationState state in new INegotiationState[]
            { new MultistreamInitiator(["/a", "/b"], Options), new MultistreamResponder(name => name == "/b", Options) })
        {
            EndReason reason = state.Receive(bytes, output, out int consumed);
            Assert.InRange(consumed, 0, bytes.Length);
            Assert.True(reason is EndReason.None or >= EndReason.MalformedMessage);
        }

        Assert.InRange(output.WrittenCount, 0, 4096); // at most "na" for each tiny message
    });

    [Fact]
    public void Options_are_validated()
    {
        Options.Validate();
        Assert.Throws<ArgumentOutOfRangeException>(() => (Options with { MaxMessageBytes = 1 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Options with { MaxProposals = 0 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Options with { Timeout = TimeSpan.Zero }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new MultistreamInitiator([], Options));
    }

    private static byte[] Message(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamMessage.Write(output, text);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Moves bytes to and fro, a piece at a time, until nobody has anything to say.</summary>
    private static void Converse(MultistreamInitiator initiator, MultistreamResponder responder, int piece)
    {
        var toResponder = new ArrayBufferWriter<byte>();
        var toInitiator = new ArrayBufferWriter<byte>();
        initiator.Start(toResponder);
        responder.Start(toInitiator);
        while (toResponder.WrittenCount > 0 || toInitiator.WrittenCount > 0)
        {
            Deliver(toResponder, responder, toInitiator, piece);
            Deliver(toInitiator, initiator, toResponder, piece);
        }
    }

    private static void Deliver(
        ArrayBufferWriter<byte> from, INegotiationState to, ArrayBufferWriter<byte> answer, int piece)
    {
        byte[] all = from.WrittenSpan.ToArray();
        from.ResetWrittenCount();
        List<byte> waiting = [];
        for (int at = 0; at < all.Length; at += piece)
        {
            waiting.AddRange(all[at..Math.Min(all.Length, at + piece)]);
            Assert.Equal(EndReason.None, to.Receive(waiting.ToArray(), answer, out int consumed));
            waiting.RemoveRange(0, consumed);
        }

        Assert.Empty(waiting);
    }
}
