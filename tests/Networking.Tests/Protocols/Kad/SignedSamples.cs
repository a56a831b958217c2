using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

/// <summary>Signed values that hold, and such that do not.</summary>
internal static class SignedSamples
{
    /// <summary>A key of <see cref="TestPeers"/> 77, who is no node of any test here.</summary>
    public static readonly byte[] Key = SignedValue.KeyOf(TestPeers.Id(77), "model");

    public static byte[] Right(DateTimeOffset issued, int seconds = 3600) => Seal(77, Key, issued, issued.AddSeconds(seconds));

    /// <summary>A key and what is put under it, wrong in one respect.</summary>
    public static (byte[] Key, byte[] Value) Wrong(string how, DateTimeOffset now)
    {
        byte[] value = how switch
        {
            "key" => Seal(77, SignedValue.KeyOf(TestPeers.Id(77), "other"), now, now.AddHours(1)),
            "owner" => Seal(78, SignedValue.KeyOf(TestPeers.Id(78), "model"), now, now.AddHours(1)),
            "expired" => Seal(77, Key, now.AddHours(-2), now.AddHours(-1)),
            "future" => Seal(77, Key, now.AddHours(1), now.AddHours(2)),
            "endless" => Seal(77, Key, now, now.AddDays(8)),
            _ => Right(now),
        };
        if (how == "signature")
        {
            value[^1] ^= 1;
        }

        return (Key, value);
    }

    private static byte[] Seal(int owner, byte[] key, DateTimeOffset issued, DateTimeOffset expires)
    {
        using KeyPair pair = TestPeers.Key(owner);
        return new SignedValue(key, 1, issued, expires, "cid"u8.ToArray()).Seal(pair);
    }
}
