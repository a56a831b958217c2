using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Models;

/// <summary>In how many bits each parameter of a model travels to the others.</summary>
public enum ExchangePrecision : byte
{
    /// <summary>IEEE 754 binary32, as it is computed with.</summary>
    Float32 = 0,

    /// <summary>IEEE 754 binary16: half the bytes; a relative error of at most 2⁻¹¹ down to 6·10⁻⁵, an absolute one of 3·10⁻⁸ below, infinite from 65,520 on.</summary>
    Float16 = 1,
}

/// <summary>The forms in which models travel. Bytes are little-endian, in the order of the layout.</summary>
/// <remarks>What a node has contributed is its model from then on, rounded as the others have it, so that all mix the same vectors.</remarks>
public static class ExchangePrecisions
{
    /// <summary>Their names, as settings say them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["float32", "float16"];

    /// <summary>The precision of a name.</summary>
    /// <exception cref="ArgumentException">There is none; one line for the user.</exception>
    public static ExchangePrecision Parse(string name) => name switch
    {
        "float32" => ExchangePrecision.Float32,
        "float16" => ExchangePrecision.Float16,
        _ => throw new ArgumentException($"unknown exchange precision '{name}': use {string.Join(" or ", Names)}"),
    };

    /// <summary>Its name.</summary>
    public static string ToName(this ExchangePrecision precision) => Names[(int)precision];

    /// <summary>Bytes of a parameter on its way.</summary>
    public static int BytesPerParameter(this ExchangePrecision precision) => precision == ExchangePrecision.Float16 ? 2 : sizeof(float);

    /// <summary>Writes a model as it travels.</summary>
    /// <param name="precision">How.</param>
    /// <param name="model">Shape [d].</param>
    /// <param name="bytes">d · <see cref="BytesPerParameter"/>.</param>
    public static void Encode(this ExchangePrecision precision, ReadOnlySpan<float> model, Span<byte> bytes)
    {
        RequireLength(precision, model.Length, bytes.Length);
        if (precision == ExchangePrecision.Float16)
        {
            TensorPrimitives.ConvertToHalf(model, MemoryMarshal.Cast<byte, Half>(bytes));
        }
        else
        {
            MemoryMarshal.AsBytes(model).CopyTo(bytes);
        }
    }

    /// <summary>Reads a model that has travelled.</summary>
    /// <param name="precision">How.</param>
    /// <param name="bytes">d · <see cref="BytesPerParameter"/>.</param>
    /// <param name="model">Shape [d].</param>
    public static void Decode(this ExchangePrecision precision, ReadOnlySpan<byte> bytes, Span<float> model)
    {
        RequireLength(precision, model.Length, bytes.Length);
        if (precision == ExchangePrecision.Float16)
        {
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), model);
        }
        else
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(model));
        }
    }

    /// <summary>Makes a model what the others will read of it, shape [d], in place.</summary>
    public static void Round(this ExchangePrecision precision, Span<float> model)
    {
        const int Block = 512;
        if (precision != ExchangePrecision.Float16)
        {
            return;
        }

        Span<Half> halves = stackalloc Half[Block];
        for (int start = 0; start < model.Length; start += Block)
        {
            Span<float> part = model[start..Math.Min(start + Block, model.Length)];
            TensorPrimitives.ConvertToHalf(part, halves);
            TensorPrimitives.ConvertToSingle(halves[..part.Length], part);
        }
    }

    private static void RequireLength(ExchangePrecision precision, int parameters, int bytes)
    {
        if (bytes != (long)parameters * precision.BytesPerParameter())
        {
            throw new ArgumentException($"{bytes} bytes are not {parameters} parameters as {precision.ToName()}");
        }
    }
}
