using CsCheck;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Tests.Identity;

public sealed class PeerIdTests
{
    private static readonly byte[][] Valid = [.. TestVectors.Entries("keys").Select(entry => entry.Hex("peerIdMultihash"))];

    [Fact]
    public void Hostile_bytes_give_an_id_that_reads_back_in_every_text_or_none() => Hostile.Bytes(Valid).Sample(bytes =>
    {
        if (PeerId.TryFromBytes(bytes, out PeerId? id))
        {
            Assert.True(PeerId.TryParse(id.ToString(), out PeerId? base58));
            Assert.True(PeerId.TryParse(id.ToBase36(), out PeerId? base36));
            Assert.Equal(id, base58);
            Assert.Equal(id, base36);
            Assert.Equal(id.GetHashCode(), base58.GetHashCode());
            Assert.EndsWith(id.ToShortString(), id.ToString());
            id.TryGetPublicKey(out _);
        }
    });

    [Fact]
    public void Hostile_text_gives_an_id_or_none_but_never_throws() => Gen.OneOf(
        Gen.String[0, 60], Gen.String[Gen.Char['0', 'z'], 40, 60], Gen.String[Gen.Char['0', 'z'], 40, 60].Select(t => "k51" + t))
        .Sample(text => !PeerId.TryParse(text, out PeerId? id) || PeerId.Parse(id.ToString()) == id);

    [Fact]
    public void The_shortest_id_has_a_hash_code_and_a_short_form()
    {
        Assert.True(PeerId.TryFromBytes([0x00, 0x01, 0x07], out PeerId? id));
        _ = id.GetHashCode();
        Assert.True(id.ToShortString().Length <= 8);
        Assert.False(id.TryGetPublicKey(out _));
    }

    [Theory]
    [InlineData("12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxzz")]
    [InlineData("12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jx")]
    [InlineData("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")] // a CID of something else
    [InlineData("")]
    [InlineData(null)]
    public void Other_text_is_no_id(string? text)
    {
        Assert.False(PeerId.TryParse(text, out _));
        Assert.Throws<FormatException>(() => PeerId.Parse(text!));
    }

    [Fact]
    public void Ids_are_ordered_by_their_bytes()
    {
        PeerId[] ids = [.. Valid.Select(bytes => PeerId.TryFromBytes(bytes, out PeerId? id) ? id : null!).Distinct().Order()];
        for (int i = 1; i < ids.Length; i++)
        {
            Assert.True(ids[i - 1] < ids[i] && ids[i] > ids[i - 1] && ids[i - 1] <= ids[i] && ids[i] >= ids[i - 1]);
            Assert.True(ids[i - 1].Bytes.SequenceCompareTo(ids[i].Bytes) < 0);
            Assert.True(ids[i] != ids[i - 1]);
        }
    }
}
