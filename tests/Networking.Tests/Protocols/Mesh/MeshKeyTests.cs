using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class MeshKeyTests
{
    [Fact]
    public void A_key_is_52_letters_and_digits_and_reads_back()
    {
        MeshKey key = MeshKey.Generate();
        string text = key.ToString();
        Assert.Matches("^[a-z2-7]{52}$", text);
        Assert.True(MeshKey.TryParse(text, out MeshKey? back));
        Assert.Equal(key.Bytes, back.Bytes);
        Assert.True(MeshKey.TryParse(text.ToUpperInvariant(), out MeshKey? upper));
        Assert.Equal(key.Bytes, upper.Bytes);
        Assert.NotEqual(text, MeshKey.Generate().ToString());
    }

    [Fact]
    public void The_text_is_RFC_4648_in_lower_case()
    {
        Assert.True(MeshKey.TryParse(new string('a', 52), out MeshKey? zero));
        Assert.Equal(new byte[32], zero.Bytes);
        Assert.True(MeshKey.TryParse(new string('7', 51) + "q", out MeshKey? ones));
        Assert.Equal(Enumerable.Repeat((byte)0xff, 32), ones.Bytes.ToArray());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("home")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")] // 51
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")] // 53
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")] // bits beyond the 256th
    [InlineData("1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData(" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("éaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Anything_else_is_refused(string? text)
    {
        Assert.False(MeshKey.TryParse(text, out MeshKey? key));
        Assert.Null(key);
    }

    [Fact]
    public void Options_show_their_name_and_not_their_key()
    {
        MeshOptions options = Meshes.Home;
        Assert.DoesNotContain(Meshes.Key.ToString(), options.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("home", options.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a:b")]
    [InlineData("hömë")]
    [InlineData("a\n")]
    public void A_name_that_cannot_be_typed_or_joined_is_refused(string name)
    {
        Assert.Throws<ArgumentException>((Meshes.Home with { Name = name }).Validate);
    }

    [Fact]
    public void Limits_are_checked()
    {
        Meshes.Home.Validate();
        (Meshes.Home with { Name = new string('x', MeshOptions.MaxNameBytes) }).Validate();
        Assert.Throws<ArgumentException>((Meshes.Home with { Name = new string('x', MeshOptions.MaxNameBytes + 1) }).Validate);
        Assert.Throws<ArgumentException>((Meshes.Home with { Version = "" }).Validate);
        Assert.Throws<ArgumentException>((Meshes.Home with { Version = new string('1', MeshOptions.MaxVersionBytes + 1) }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { ProofTimeout = TimeSpan.Zero }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { GuardTimeout = TimeSpan.Zero }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { RetryPause = TimeSpan.Zero }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { ProofWindow = TimeSpan.Zero }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { MaxProofsPerPeer = 0 }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { MaxWaitingStreamsPerPeer = 0 }).Validate);
        Assert.Throws<ArgumentOutOfRangeException>((Meshes.Home with { MaxRememberedPeers = 0 }).Validate);
    }
}
