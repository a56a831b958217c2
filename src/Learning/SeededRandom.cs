using System.Buffers.Binary;
using System.Numerics;

namespace P2PLearn.Learning;

/// <summary>A seeded generator whose sequence is the same on every machine and every .NET version.</summary>
/// <remarks>
/// Source: Blackman and Vigna, xoshiro256** 1.0 (public domain), its state filled from the seed by SplitMix64 (Steele
/// et al. 2014), as its authors advise. Not for secrets. Not safe for several threads. Gaussians and gammas use
/// <see cref="Math"/>'s logarithm, sine and power, so those two are the same wherever the platform's mathematics
/// library is.
/// </remarks>
public sealed class SeededRandom
{
    /// <summary>Bytes written by <see cref="SaveState"/>.</summary>
    public const int StateSize = 32;

    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>Starts the sequence of a seed; every value of the seed is fine, 0 too.</summary>
    public SeededRandom(ulong seed)
    {
        _s0 = SplitMix64(ref seed);
        _s1 = SplitMix64(ref seed);
        _s2 = SplitMix64(ref seed);
        _s3 = SplitMix64(ref seed);
    }

    private SeededRandom(ulong s0, ulong s1, ulong s2, ulong s3) => (_s0, _s1, _s2, _s3) = (s0, s1, s2, s3);

    /// <summary>
    /// Starts the sequence of one stream of a seed, e.g. of one node of a run; different streams are independent.
    /// </summary>
    public static SeededRandom ForStream(ulong seed, ulong stream)
    {
        ulong mixed = SplitMix64(ref seed);
        stream += mixed;
        return new SeededRandom(SplitMix64(ref stream) ^ mixed);
    }

    /// <summary>Continues the sequence that <see cref="SaveState"/> wrote down.</summary>
    /// <param name="state">Exactly <see cref="StateSize"/> bytes.</param>
    /// <exception cref="InvalidDataException">Another length, or all zero, which no generator ever reaches.</exception>
    public static SeededRandom FromState(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the state of a generator has {StateSize} bytes, not {state.Length}");
        }

        if (!state.ContainsAnyExcept((byte)0))
        {
            throw new InvalidDataException("the state of a generator is never all zero");
        }

        return new SeededRandom(
            BinaryPrimitives.ReadUInt64LittleEndian(state),
            BinaryPrimitives.ReadUInt64LittleEndian(state[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(state[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(state[24..]));
    }

    /// <summary>Writes the state, <see cref="StateSize"/> bytes, little endian.</summary>
    public void SaveState(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, _s0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], _s1);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], _s2);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], _s3);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A uniform integer in [0, <paramref name="bound"/>), without bias (Lemire 2019).</summary>
    /// <param name="bound">At least 1.</param>
    public int NextInt32(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        uint range = (uint)bound;
        ulong product = (NextUInt64() >> 32) * range;
        if ((uint)product < range)
        {
            uint threshold = (0u - range) % range;
            while ((uint)product < threshold)
            {
                product = (NextUInt64() >> 32) * range;
            }
        }

        return (int)(product >> 32);
    }

    /// <summary>A uniform double in [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>
    /// A draw of the standard normal distribution (Box and Muller 1958; one of the pair is dropped, so that there is
    /// no hidden state).
    /// </summary>
    public double NextGaussian()
    {
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble())); // 1 − u is in (0, 1]: never the logarithm of 0
        return radius * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>
    /// A draw of the gamma distribution of scale 1 (Marsaglia and Tsang 2000, with their boost for shapes below 1).
    /// </summary>
    /// <param name="shape">α, positive and finite. Draws for a very small α may underflow to 0.</param>
    public double NextGamma(double shape)
    {
        if (!(shape > 0) || double.IsInfinity(shape))
        {
            throw new ArgumentOutOfRangeException(nameof(shape), shape, "must be positive and finite");
        }

        if (shape < 1)
        {
            return NextGamma(shape + 1) * Math.Pow(1.0 - NextDouble(), 1 / shape);
        }

        double d = shape - (1.0 / 3.0);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = NextGaussian();
            double v = Cube(1 + (c * x));
            if (v > 0 && Math.Log(1.0 - NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
            {
                return d * v;
            }
        }
    }

    /// <summary>Puts the items into a uniformly random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int other = NextInt32(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    private static double Cube(double x) => x * x * x;

    /// <summary>One step of SplitMix64, a generator whose whole state is a number: for a few draws without an object.</summary>
    internal static ulong SplitMix64(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
