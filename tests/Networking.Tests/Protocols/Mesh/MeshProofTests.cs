using System.Security.Cryptography;
using System.Text;
using CsCheck;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class MeshProofTests
{
    private static readonly byte[] WrongKeyMessage = [4, 3];
    private static readonly byte[] Accept = [3];

    [Fact]
    public void Two_members_admit_each_other_in_five_messages()
    {
        (Prover initiator, Prover responder) = Pair(Meshes.Home, Meshes.Home);
        (byte[][] said, byte[][] answered) = Prover.Talk(initiator, responder);
        Assert.True(initiator.Verdict!.IsAdmitted);
        Assert.True(responder.Verdict!.IsAdmitted);
        Assert.Equal([1, 2, 3], said.Select(m => (int)m[0]));
        Assert.Equal([1, 2], answered.Select(m => (int)m[0]));
    }

    [Fact]
    public void The_bytes_are_those_of_the_document()
    {
        Assert.True(MeshKey.TryParse(new string('a', 52), out MeshKey? zero));
        var options = new MeshOptions { Name = "home", Key = zero };
        (Prover initiator, Prover responder) = Pair(options, options);
        (byte[][] said, byte[][] answered) = Prover.Talk(initiator, responder);

        byte[] hello = [1, 5, .. "1.0.0"u8, 4, .. "home"u8];
        Assert.Equal([.. hello, .. Prover.Nonce(1)], said[0]);
        Assert.Equal([.. hello, .. Prover.Nonce(2)], answered[0]);
        Assert.Equal([2, .. Mac("p2plearn-mesh initiator")], said[1]);
        Assert.Equal([2, .. Mac("p2plearn-mesh responder")], answered[1]);
        Assert.Equal(Accept, said[2]);

        static byte[] Mac(string label) => HMACSHA256.HashData(new byte[32], Fields(
            Encoding.ASCII.GetBytes(label), "1.0.0"u8.ToArray(), Prover.Nonce(1), Prover.Nonce(2),
            Prover.A.Bytes.ToArray(), Prover.B.Bytes.ToArray(), "home"u8.ToArray()));

        static byte[] Fields(params byte[][] fields) => [.. fields.SelectMany(f => (byte[])[(byte)f.Length, .. f])];
    }

    [Fact]
    public void The_longest_messages_stay_below_the_limit()
    {
        MeshOptions longest = Meshes.Home with { Name = new string('n', MeshOptions.MaxNameBytes), Version = new string('9', MeshOptions.MaxVersionBytes) };
        (Prover initiator, Prover responder) = Pair(longest, longest);
        (byte[][] said, byte[][] answered) = Prover.Talk(initiator, responder);
        Assert.True(initiator.Verdict!.IsAdmitted);
        Assert.Equal(131, said.Concat(answered).Max(m => m.Length));
    }

    [Fact]
    public void Without_key_and_list_whoever_names_the_mesh_is_admitted()
    {
        MeshOptions open = Meshes.Home with { Key = null };
        (Prover initiator, Prover responder) = Pair(open, open);
        Prover.Talk(initiator, responder);
        Assert.True(initiator.Verdict!.IsAdmitted);
        Assert.True(responder.Verdict!.IsAdmitted);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_key_that_differs_or_is_missing_is_refused_by_the_responder_before_it_proves_anything(bool here, bool there)
    {
        (Prover initiator, Prover responder) = Pair(
            Meshes.Home with { Key = here ? Meshes.Key : null }, Meshes.Home with { Key = there ? MeshKey.Generate() : null });
        (_, byte[][] answered) = Prover.Talk(initiator, responder);
        Assert.Equal([1, 4], answered.Select(m => (int)m[0]));
        Assert.Equal(WrongKeyMessage, answered[1]);
        AssertRefused(responder, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
        AssertRefused(initiator, AdmissionRefusal.WrongKey, EndReason.None);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void With_another_name_nothing_is_said_about_the_key(bool sameKey)
    {
        (Prover initiator, Prover responder) = Pair(
            Meshes.Home, Meshes.Home with { Name = "work", Key = sameKey ? Meshes.Key : MeshKey.Generate() });
        (byte[][] said, byte[][] answered) = Prover.Talk(initiator, responder);
        Assert.Equal([1, 4], said.Select(m => (int)m[0]));
        Assert.Equal([1, 4], answered.Select(m => (int)m[0]));
        AssertRefused(initiator, AdmissionRefusal.WrongMesh, EndReason.None);
        AssertRefused(responder, AdmissionRefusal.WrongMesh, EndReason.None);
        Assert.Equal("it belongs to the mesh 'work', this node to 'home'", initiator.Verdict!.Text);
        Assert.Equal("it belongs to the mesh 'home', this node to 'work'", responder.Verdict!.Text);
    }

    [Fact]
    public void Another_version_is_refused_whatever_follows_it()
    {
        Prover responder = Prover.Responder(Meshes.Home);
        byte[][] answer = responder.Take([1, 3, .. "9.9"u8, 255, 0, 1]);
        AssertRefused(responder, AdmissionRefusal.WrongVersion, EndReason.None);
        Prover initiator = Prover.Initiator(Meshes.Home with { Version = "9.9" });
        initiator.Take(answer);
        AssertRefused(initiator, AdmissionRefusal.WrongVersion, EndReason.None);
        Assert.Equal("it runs another version of P2PLearn (9.9 expected)", initiator.Verdict!.Text);
    }

    [Fact]
    public void A_peer_off_the_list_is_refused_before_the_key_is_looked_at_and_each_side_has_its_own_list()
    {
        MeshOptions listed = Meshes.Home with { AllowedPeers = [TestPeers.Id(9)] };
        (Prover initiator, Prover responder) = Pair(Meshes.Home, listed);
        (_, byte[][] answered) = Prover.Talk(initiator, responder);
        Assert.Equal([4, 4], Assert.Single(answered));
        AssertRefused(responder, AdmissionRefusal.NotOnAllowList, EndReason.None);
        Assert.Equal("it is not on this node's allow list", responder.Verdict!.Text);
        Assert.Equal("this node is not on its allow list", initiator.Verdict!.Text);

        (initiator, responder) = Pair(listed, Meshes.Home);
        (byte[][] said, _) = Prover.Talk(initiator, responder);
        Assert.Equal([1, 4], said.Select(m => (int)m[0]));
        AssertRefused(responder, AdmissionRefusal.NotOnAllowList, EndReason.None);
    }

    [Fact]
    public void Key_and_list_both_have_to_hold()
    {
        MeshOptions here = Meshes.Home with { AllowedPeers = [Prover.A] };
        (Prover initiator, Prover responder) = Pair(Meshes.Home, here);
        Prover.Talk(initiator, responder);
        Assert.True(responder.Verdict!.IsAdmitted);
        (initiator, responder) = Pair(Meshes.Home with { Key = null }, here);
        Prover.Talk(initiator, responder);
        AssertRefused(responder, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
    }

    [Fact]
    public void A_reflected_conversation_proves_nothing()
    {
        Prover victim = Prover.Initiator(Meshes.Home);
        byte[] hello = victim.First[0];
        byte[][] proof = victim.Take(hello); // its own hello, and then its own proof
        Assert.Equal(2, Assert.Single(proof)[0]);
        Assert.Equal(WrongKeyMessage, Assert.Single(victim.Take(proof)));
        AssertRefused(victim, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
    }

    [Fact]
    public void A_proof_made_by_the_victim_in_the_other_role_proves_nothing()
    {
        // The attacker, B, has no key: it lets A answer as responder what A asks as initiator.
        Prover asking = new(MeshRole.Initiator, Meshes.Home, Prover.A, Prover.B, Prover.Nonce(1));
        Prover answering = new(MeshRole.Responder, Meshes.Home, Prover.A, Prover.B, Prover.Nonce(2));
        byte[][] answered = answering.Take(asking.First);
        byte[][] proof = asking.Take(answered);
        Assert.Equal(WrongKeyMessage, Assert.Single(answering.Take(proof)));
        AssertRefused(answering, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
    }

    [Fact]
    public void A_recorded_conversation_proves_nothing_the_second_time()
    {
        (byte[][] said, byte[][] answered) = Prover.Talk(Prover.Initiator(Meshes.Home), Prover.Responder(Meshes.Home));
        var responder = new Prover(MeshRole.Responder, Meshes.Home, Prover.B, Prover.A, Prover.Nonce(3));
        responder.Take(said);
        AssertRefused(responder, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
        var initiator = new Prover(MeshRole.Initiator, Meshes.Home, Prover.A, Prover.B, Prover.Nonce(4));
        initiator.Take(answered);
        AssertRefused(initiator, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
    }

    [Fact]
    public void A_conversation_passed_on_through_a_third_peer_proves_nothing()
    {
        // M sits between two members: each of them knows by the handshake of its connection that it talks with M.
        var initiator = new Prover(MeshRole.Initiator, Meshes.Home, Prover.A, TestPeers.Id(66));
        var responder = new Prover(MeshRole.Responder, Meshes.Home, Prover.B, TestPeers.Id(66));
        Prover.Talk(initiator, responder);
        AssertRefused(responder, AdmissionRefusal.WrongKey, EndReason.AuthenticationFailed);
        Assert.False(initiator.Verdict!.IsAdmitted);
    }

    [Fact]
    public void An_accept_without_a_proof_admits_nobody()
    {
        Prover responder = Prover.Responder(Meshes.Home);
        responder.Take(Accept);
        AssertRefused(responder, AdmissionRefusal.Malformed, EndReason.MalformedMessage);
        responder = Prover.Responder(Meshes.Home);
        responder.Take(Prover.Initiator(Meshes.Home).First[0], Accept);
        AssertRefused(responder, AdmissionRefusal.Malformed, EndReason.MalformedMessage);
        Prover initiator = Prover.Initiator(Meshes.Home);
        initiator.Take(Prover.Responder(Meshes.Home).Take(initiator.First)[0], Accept);
        AssertRefused(initiator, AdmissionRefusal.Malformed, EndReason.MalformedMessage);
    }

    [Theory]
    [InlineData("")]
    [InlineData("01")]
    [InlineData("0100")]
    [InlineData("0105312e302e3004686f6d65")] // no nonce
    [InlineData("0105312e302e3004686f6d6500112233")] // a short one
    [InlineData("0105312e302e3000")] // no name
    [InlineData("0102200a")] // a version that is no text
    [InlineData("04")]
    [InlineData("0400")]
    [InlineData("0406")] // Timeout is not on the wire
    [InlineData("04ff")]
    [InlineData("040103")]
    [InlineData("ff")]
    public void What_is_no_message_is_refused(string hex)
    {
        foreach (Prover prover in (Prover[])[Prover.Initiator(Meshes.Home), Prover.Responder(Meshes.Home)])
        {
            Assert.Equal([4, 5], Assert.Single(prover.Take(Convert.FromHexString(hex))));
            AssertRefused(prover, AdmissionRefusal.Malformed, EndReason.MalformedMessage);
        }
    }

    [Fact]
    public void A_name_with_other_characters_is_malformed_and_never_shown()
    {
        Prover responder = Prover.Responder(Meshes.Home);
        responder.Take([1, 5, .. "1.0.0"u8, 3, (byte)'a', 0x1b, (byte)'b', .. Prover.Nonce(7)]);
        AssertRefused(responder, AdmissionRefusal.Malformed, EndReason.MalformedMessage);
    }

    [Fact]
    public void A_refusal_is_believed_at_any_time_and_costs_the_peer_nothing()
    {
        foreach (AdmissionRefusal refusal in Enum.GetValues<AdmissionRefusal>().Where(r => r is not (AdmissionRefusal.None or AdmissionRefusal.Timeout)))
        {
            Prover prover = Prover.Initiator(Meshes.Home);
            Assert.Empty(prover.Take([4, (byte)refusal]));
            AssertRefused(prover, refusal, EndReason.None);
        }
    }

    [Fact]
    public void A_proof_that_is_over_takes_nothing_more()
    {
        Prover prover = Prover.Initiator(Meshes.Home);
        prover.Take(Accept);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        var proof = new MeshProof(MeshRole.Initiator, new MeshTerms(Meshes.Home), Prover.A, Prover.B, Prover.Nonce(1));
        Assert.Throws<InvalidOperationException>(() => proof.Receive([3], output));
        proof.Start(output);
        proof.Receive([3], output);
        Assert.Throws<InvalidOperationException>(() => proof.Receive([3], output));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new MeshProof(MeshRole.Initiator, new MeshTerms(Meshes.Home), Prover.A, Prover.B, new byte[31]));
    }

    [Fact]
    public void Bytes_of_somebody_without_the_key_never_admit_and_never_throw()
    {
        byte[] hello = Prover.Initiator(Meshes.Home).First[0];
        Gen<byte[]> anything = Gen.Byte.Array[0, 140];
        Gen<byte[]> proof = Gen.Byte.Array[32].Select(b => (byte[])[2, .. b]);
        Gen<byte[]> almost = Gen.Select(Gen.Int[0, hello.Length - 1], Gen.Byte).Select((i, b) => hello.Select((h, j) => i == j ? b : h).ToArray());
        Gen<byte[]> message = Gen.OneOf(anything, proof, almost, Gen.Const(hello), Gen.Const(Accept), Gen.Const(WrongKeyMessage));
        Gen.Select(Gen.Bool, message.Array[0, 6]).Sample((initiate, messages) =>
        {
            Prover prover = initiate ? Prover.Initiator(Meshes.Home) : Prover.Responder(Meshes.Home);
            prover.Take(messages);
            return prover.Verdict is not { IsAdmitted: true };
        });
    }

    [Fact]
    public void One_flipped_bit_in_a_members_words_never_admits()
    {
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 2000]).Sample((at, bit) =>
        {
            (Prover initiator, Prover responder) = Pair(Meshes.Home, Meshes.Home);
            byte[][] turn = initiator.First;
            for (int i = 0; i < at; i++)
            {
                turn = (i % 2 == 0 ? responder : initiator).Take(turn);
            }

            turn[0][bit / 8 % turn[0].Length] ^= (byte)(1 << (bit % 8));
            Prover victim = at % 2 == 0 ? responder : initiator;
            for (int i = at; turn.Length > 0; i++)
            {
                turn = (i % 2 == 0 ? responder : initiator).Take(turn);
            }

            return victim.Verdict is { IsAdmitted: false };
        });
    }

    private static (Prover Initiator, Prover Responder) Pair(MeshOptions initiator, MeshOptions responder) =>
        (Prover.Initiator(initiator), Prover.Responder(responder));

    private static void AssertRefused(Prover prover, AdmissionRefusal refusal, EndReason penalty)
    {
        Assert.Equal(refusal, prover.Verdict?.Refusal);
        Assert.Equal(penalty, prover.Verdict!.Penalty);
        Assert.NotEmpty(prover.Verdict.Text);
    }
}
