using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

/// <summary>Takes every value that does not begin with '!'; the higher bytes are better.</summary>
internal sealed class AnyValidator : IRecordValidator
{
    public static readonly RecordValidators Only = new(new AnyValidator());

    public string Namespace => "any";

    public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now) =>
        value.StartsWith("!"u8) ? RecordCheck.BadSignature : RecordCheck.Valid;

    public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        left.SequenceCompareTo(right);

    public static byte[] Key(int number) => System.Text.Encoding.UTF8.GetBytes($"/any/{number}");
}
