using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using P2PLearn.Learning.Models;

namespace P2PLearn.Node.Doctor;

/// <summary>The finished model is a whole safetensors file, of whatever layout.</summary>
internal sealed class ModelCheck : IDoctorCheck
{
    private const int PrefixBytes = sizeof(ulong);

    public string Name => "model.safetensors";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.ModelFile, repair));

    private static Finding Check(string file, bool repair)
    {
        if (!File.Exists(file))
        {
            return Finding.Ok("none yet: written after the last round");
        }

        string? fault = FindFault(file, out string holds);
        return fault is null ? Finding.Ok(holds)
            : repair ? Finding.Repaired($"{fault}; kept as {PutAside.File(file)}, the node writes it again after its last round")
            : Finding.Problem($"damaged: {fault}", "--repair puts it aside; the node writes it again after its last round");
    }

    private static string? FindFault(string path, out string holds)
    {
        holds = "";
        using FileStream file = File.OpenRead(path);
        if (file.Length < PrefixBytes)
        {
            return $"{file.Length} bytes are too few";
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        file.ReadExactly(prefix);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        long rest = file.Length - PrefixBytes;
        if (headerBytes > (ulong)new ModelFileLimits().MaxHeaderBytes || (long)headerBytes > rest)
        {
            return "its header is longer than it can be";
        }

        byte[] header = new byte[headerBytes];
        file.ReadExactly(header);
        return FindHeaderFault(header, rest - header.Length, out holds);
    }

    private static string? FindHeaderFault(byte[] header, long dataBytes, out string holds)
    {
        holds = "";
        try
        {
            using JsonDocument document = JsonDocument.Parse(header);
            long end = 0;
            int tensors = 0;
            foreach (JsonProperty tensor in document.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__"))
            {
                end = Math.Max(end, tensor.Value.GetProperty("data_offsets")[1].GetInt64());
                tensors++;
            }

            holds = string.Create(CultureInfo.InvariantCulture, $"{tensors} tensors, {dataBytes} bytes");
            return end == dataBytes ? null : $"its tensors take {end} bytes, and {dataBytes} are there";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException)
        {
            return "its header does not read";
        }
    }
}
