using System.Globalization;
using System.Text.Json;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Multiformats;

public sealed class MultiformatVectorTests
{
    [Fact]
    public void Varints_are_those_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("varint"))
        {
            ulong value = ulong.Parse(entry.Text("value"), CultureInfo.InvariantCulture);
            byte[] expected = entry.Hex("hex");
            byte[] written = new byte[Uvarint.GetLength(value)];

            Assert.Equal(expected.Length, Uvarint.Write(written, value));
            Assert.Equal(expected, written);
            Assert.True(Uvarint.TryRead(expected, out ulong read, out int bytesRead));
            Assert.Equal((value, expected.Length), (read, bytesRead));
        }
    }

    [Fact]
    public void Addresses_are_those_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("multiaddr"))
        {
            string text = entry.Text("text");
            Assert.True(Multiaddr.TryParse(text, out Multiaddr? parsed, out string? error), error);
            Assert.Equal(entry.Text("hex"), Convert.ToHexStringLower(parsed.Bytes));
            Assert.Equal(text, parsed.ToString());

            Assert.True(Multiaddr.TryFromBytes(entry.Hex("hex"), out Multiaddr? read), text);
            Assert.Equal(text, read.ToString());
            Assert.Equal(parsed, read);
            Assert.Equal(
                entry.GetProperty("components").EnumerateArray()
                    .Select(c => (c.GetProperty("code").GetUInt32(), c.Text("name"), c.GetProperty("value").GetString())),
                read.Components.Select(c => (c.Protocol.Code, c.Protocol.Name, c.Value)));
        }
    }

    [Fact]
    public void Invalid_addresses_are_refused_with_one_line_for_the_user()
    {
        foreach (JsonElement entry in TestVectors.Entries("multiaddrInvalid"))
        {
            string text = entry.Text("text");
            Assert.False(Multiaddr.TryParse(text, out Multiaddr? address, out string? error), text);
            Assert.Null(address);
            Assert.False(string.IsNullOrWhiteSpace(error));
            Assert.DoesNotContain('\n', error);
        }
    }

    [Fact]
    public void Multihashes_are_those_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("multihash"))
        {
            byte[] content = Content(entry.GetProperty("input"));
            Assert.True(Multihash.TryCompute(entry.GetProperty("code").GetUInt64(), content, out Multihash? computed));
            Assert.Equal(entry.Text("multihash"), computed.ToString());
            Assert.True(Multihash.TryFromBytes(entry.Hex("multihash"), out Multihash? read));
            Assert.Equal(computed, read);
            Assert.True(read.Matches(content));
        }
    }

    [Fact]
    public void Cids_are_those_of_js_libp2p()
    {
        Dictionary<string, byte[]> contents = TestVectors.Entries("multihash")
            .DistinctBy(entry => entry.Text("label"))
            .ToDictionary(entry => entry.Text("label"), entry => Content(entry.GetProperty("input")));
        foreach (JsonElement entry in TestVectors.Entries("cid"))
        {
            Cid raw = Cid.ForRaw(contents[entry.Text("label")]);
            Assert.Equal(entry.Text("v1raw"), raw.ToString());
            Assert.Equal(entry.Text("v1hex"), Convert.ToHexStringLower(raw.Bytes));
            Assert.Equal(entry.Text("base36"), raw.ToString(MultibaseEncoding.Base36));
            Assert.Equal(entry.Text("base58"), raw.ToString(MultibaseEncoding.Base58Btc));
            Cid version0 = Cid.CreateVersion0(raw.Hash);
            Assert.Equal(entry.Text("v0"), version0.ToString());
            Assert.Equal(entry.Text("v0hex"), Convert.ToHexStringLower(version0.Bytes));
            Assert.Equal(entry.Text("v0asV1"), version0.ToVersion1().ToString());

            foreach (string form in new[] { "v1raw", "base36", "base58" })
            {
                Assert.True(Cid.TryParse(entry.Text(form), out Cid? parsed));
                Assert.Equal(raw, parsed);
            }

            Assert.True(Cid.TryParse(entry.Text("v0"), out Cid? parsed0));
            Assert.Equal(version0, parsed0);
            Assert.True(Cid.TryFromBytes(entry.Hex("v0hex"), out Cid? read0));
            Assert.Equal((0, Multicodec.DagPb), (read0.Version, read0.Codec));
            Assert.True(Cid.TryFromBytes(entry.Hex("v1hex"), out Cid? read1));
            Assert.Equal((1, Multicodec.Raw), (read1.Version, read1.Codec));
        }
    }

    private static byte[] Content(JsonElement input)
    {
        if (input.TryGetProperty("hex", out JsonElement hex))
        {
            return Convert.FromHexString(hex.GetString()!);
        }

        byte[] content = new byte[input.GetProperty("length").GetInt32()];
        Array.Fill(content, input.GetProperty("fill").GetByte());
        return content;
    }
}
