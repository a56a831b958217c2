using System.Globalization;
using System.Text.Json;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Identity;

public sealed class IdentityVectorTests
{
    [Fact]
    public void Public_keys_give_the_peer_ids_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("keys"))
        {
            byte[] protobuf = entry.Hex("publicKeyProtobuf");
            Assert.True(PublicKey.TryFromProtobuf(protobuf, out PublicKey? key), entry.Text("type"));
            Assert.Equal(entry.Text("type"), key.Type.ToString(), ignoreCase: true);
            Assert.Equal(protobuf, key.Protobuf);
            Assert.Equal(entry.Text("peerId"), key.PeerId.ToString());
            Assert.Equal(entry.Hex("peerIdMultihash"), key.PeerId.Bytes);
            Assert.True(PeerId.TryParse(entry.Text("peerIdCid"), out PeerId? fromCid));
            Assert.Equal(key.PeerId, fromCid);
            Assert.True(PeerId.TryParse(key.PeerId.ToBase36(), out PeerId? fromBase36));
            Assert.Equal(key.PeerId, fromBase36);
            Assert.Equal(key.Type != KeyType.Ecdsa, key.PeerId.TryGetPublicKey(out PublicKey? inside));
            Assert.Equal(key.Type == KeyType.Ecdsa ? null : key, inside);
        }
    }

    [Fact]
    public void Ed25519_identities_sign_as_js_libp2p_does()
    {
        foreach (JsonElement entry in TestVectors.Entries("keys").Where(entry => entry.TryGetProperty("seed", out _)))
        {
            using KeyPair pair = KeyPair.FromSeed(entry.Hex("seed"));
            Assert.Equal(entry.Hex("publicKeyProtobuf"), pair.PublicKey.Protobuf);
            Assert.Equal(entry.Hex("privateKeyProtobuf"), pair.ToProtobuf());
            Assert.Equal(entry.Hex("signature"), pair.Sign(entry.Hex("message")));
            Assert.Equal(SignatureCheck.Valid, pair.PublicKey.Verify(entry.Hex("message"), entry.Hex("signature")));

            Assert.True(KeyPair.TryFromProtobuf(entry.Hex("privateKeyProtobuf"), out KeyPair? read));
            using (read)
            {
                Assert.Equal(pair.PeerId, read.PeerId);
            }
        }
    }

    [Fact]
    public void Private_keys_of_other_types_are_refused()
    {
        foreach (JsonElement entry in TestVectors.Entries("keys"))
        {
            bool read = KeyPair.TryFromProtobuf(entry.Hex("privateKeyProtobuf"), out KeyPair? pair);
            Assert.Equal(entry.Text("type") == "Ed25519", read);
            pair?.Dispose();
        }
    }

    [Fact]
    public void Signed_peer_records_are_those_of_js_libp2p()
    {
        foreach (JsonElement entry in TestVectors.Entries("envelope"))
        {
            using KeyPair pair = KeyPair.FromSeed(entry.Hex("seed"));
            Multiaddr[] addresses = [.. entry.GetProperty("addrs").EnumerateArray().Select(a => Multiaddr.Parse(a.GetString()!))];
            ulong seq = ulong.Parse(entry.Text("seq"), CultureInfo.InvariantCulture);

            SignedEnvelope sealedRecord = new PeerRecord(pair.PeerId, seq, addresses).Seal(pair);
            Assert.Equal(entry.Hex("payload"), sealedRecord.Payload);
            Assert.Equal(entry.Hex("envelope"), sealedRecord.ToProtobuf());

            Assert.Equal(EnvelopeCheck.Valid, PeerRecord.TryOpen(entry.Hex("envelope"), pair.PeerId, out PeerRecord? record));
            Assert.Equal((pair.PeerId, seq), (record!.PeerId, record.Seq));
            Assert.Equal(addresses, record.Addresses);
        }
    }
}
