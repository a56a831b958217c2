using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class RecordValidatorTests
{
    private static readonly DateTimeOffset Now = KadSamples.Start;
    private static readonly byte[] Key = SignedValue.KeyOf(TestPeers.Id(1), "model");

    [Fact]
    public void A_value_of_the_owner_within_its_time_is_valid() => Assert.Equal(RecordCheck.Valid, Check(Key, Sealed()));

    [Fact]
    public void A_forged_one_is_refused()
    {
        byte[] key2 = SignedValue.KeyOf(TestPeers.Id(2), "model");
        byte[] changed = Sealed();
        changed[^1] ^= 1;
        Assert.Equal(RecordCheck.BadSignature, Check(Key, changed));
        Assert.Equal(RecordCheck.WrongKey, Check(key2, Sealed())); // a good one of somebody else
        Assert.Equal(RecordCheck.WrongKey, Check(SignedValue.KeyOf(TestPeers.Id(1), "other"), Sealed()));
        Assert.Throws<ArgumentException>(() => Sealed(owner: 2));
    }

    [Theory]
    [InlineData(-60, 0, RecordCheck.Expired)]
    [InlineData(-60, 1, RecordCheck.Valid)]
    [InlineData(10, 60, RecordCheck.Valid)] // clocks differ
    [InlineData(11, 60, RecordCheck.FutureDated)]
    [InlineData(0, (7 * 24 * 60) + 1, RecordCheck.FutureDated)] // it would never go
    [InlineData(0, 7 * 24 * 60, RecordCheck.Valid)]
    public void Its_times_are_looked_at(int issuedMinutes, int expiresMinutes, RecordCheck expected) => Assert.Equal(
        expected,
        Check(Key, Sealed(issued: Now.AddMinutes(issuedMinutes), expires: Now.AddMinutes(expiresMinutes))));

    [Fact]
    public void The_highest_number_wins_and_all_agree_on_a_tie() =>
        Gen.Select(Gen.ULong[0, 3], Gen.ULong[0, 3], Gen.Int[0, 2], Gen.Int[0, 2]).Sample((x, y, textX, textY) =>
        {
            var validator = new SignedValueValidator();
            byte[] left = Sealed(sequence: x, text: textX), right = Sealed(sequence: y, text: textY);
            int order = Math.Sign(validator.Compare(Key, left, right));
            Assert.Equal(-order, Math.Sign(validator.Compare(Key, right, left)));
            Assert.Equal(x == y && textX == textY, order == 0);
            if (x != y)
            {
                Assert.Equal(x.CompareTo(y), order);
            }
        }, iter: 50);

    [Fact]
    public void A_value_opens_as_it_was_sealed()
    {
        Assert.Equal(RecordCheck.Valid, SignedValue.TryOpen(Key, Sealed(sequence: 7), out SignedValue? value));
        Assert.Equal((7ul, Now, Now.AddHours(1)), (value!.Sequence, value.Issued, value.Expires));
        Assert.Equal("0"u8.ToArray(), value.Value.ToArray());
    }

    [Fact]
    public void Bytes_of_strangers_never_throw() => Hostile.Bytes(Sealed()).Sample(bytes =>
    {
        Check(Key, bytes);
        Check(bytes, bytes);
        new SignedValueValidator().Compare(Key, bytes, Sealed());
    }, iter: 2_000);

    [Theory]
    [InlineData("/p2plearn/", RecordCheck.Malformed)]
    [InlineData("/p2plearn/12D3/x", RecordCheck.Malformed)]
    [InlineData("/nobody/x", RecordCheck.UnknownNamespace)]
    [InlineData("//x", RecordCheck.UnknownNamespace)]
    [InlineData("p2plearn/x", RecordCheck.UnknownNamespace)]
    [InlineData("/p2plearn", RecordCheck.UnknownNamespace)]
    [InlineData("", RecordCheck.UnknownNamespace)]
    public void A_key_out_of_form_is_refused(string key, RecordCheck expected) =>
        Assert.Equal(expected, Check(System.Text.Encoding.UTF8.GetBytes(key), Sealed()));

    [Fact]
    public void An_owner_has_one_spelling()
    {
        byte[] base36 = System.Text.Encoding.UTF8.GetBytes($"/p2plearn/{TestPeers.Id(1).ToBase36()}/model");
        Assert.False(SignedValue.TryGetOwner(base36, out _));
        Assert.True(SignedValue.TryGetOwner(Key, out PeerId? owner));
        Assert.Equal(TestPeers.Id(1), owner);
    }

    [Fact]
    public void Keys_and_values_that_are_too_long_are_refused_before_anything_is_checked()
    {
        Assert.Equal(RecordCheck.TooLarge, Check(new byte[257], []));
        Assert.Equal(RecordCheck.TooLarge, Check(Key, new byte[(10 * 1024) + 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SignedValue.KeyOf(TestPeers.Id(1), new string('x', 200)));
        byte[] largest = new SignedValue(Key, 1, Now, Now.AddHours(1), new byte[SignedValue.MaxValueBytes]).Seal(TestPeers.Key(1));
        Assert.Equal(RecordCheck.Valid, Check(Key, largest));
    }

    [Fact]
    public void A_public_key_stands_under_its_own_peer_id()
    {
        using KeyPair pair = TestPeers.Key(1);
        byte[] value = pair.PublicKey.Protobuf.ToArray();
        Assert.Equal(RecordCheck.Valid, Check([.. "/pk/"u8, .. pair.PeerId.Bytes], value));
        Assert.Equal(RecordCheck.WrongKey, Check([.. "/pk/"u8, .. TestPeers.Id(2).Bytes], value));
        Assert.Equal(RecordCheck.Malformed, Check([.. "/pk/"u8, .. pair.PeerId.Bytes], value[1..]));
        Assert.Equal(RecordCheck.Malformed, Check("/pk/x"u8.ToArray(), value));
    }

    internal static byte[] Sealed(
        int owner = 1, ulong sequence = 1, DateTimeOffset? issued = null, DateTimeOffset? expires = null, int text = 0)
    {
        using KeyPair pair = TestPeers.Key(owner);
        byte[] value = System.Text.Encoding.UTF8.GetBytes(text.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return new SignedValue(Key, sequence, issued ?? Now, expires ?? Now.AddHours(1), value).Seal(pair);
    }

    private static RecordCheck Check(byte[] key, byte[] value) => RecordValidators.Default.Validate(key, value, Now);
}
