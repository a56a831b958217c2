using CsCheck;

namespace P2PLearn.Networking.Tests;

/// <summary>Bytes as a hostile remote would send them.</summary>
internal static class Hostile
{
    /// <summary>Random bytes, and valid bytes cut short, with a byte changed, with one put in, or with more behind them.</summary>
    public static Gen<byte[]> Bytes(params byte[][] valid)
    {
        Gen<byte[]> original = Gen.Int[0, valid.Length - 1].Select(i => valid[i]);
        Gen<byte[]> cut = Gen.Select(original, Gen.Int[0, 4096], (bytes, at) => bytes[..(at % (bytes.Length + 1))]);
        Gen<byte[]> changed = Gen.Select(original, Gen.Int[0, 4096], Gen.Byte, (bytes, at, value) =>
        {
            byte[] copy = [.. bytes];
            copy[at % copy.Length] = value;
            return copy;
        });
        Gen<byte[]> inserted = Gen.Select(original, Gen.Int[0, 4096], Gen.Byte, (bytes, at, value) =>
        {
            at %= bytes.Length + 1;
            return (byte[])[.. bytes[..at], value, .. bytes[at..]];
        });
        Gen<byte[]> longer = Gen.Select(original, Gen.Byte.Array[1, 20], (bytes, more) => (byte[])[.. bytes, .. more]);
        return Gen.OneOf(Gen.Byte.Array[0, 200], cut, changed, inserted, longer);
    }
}
