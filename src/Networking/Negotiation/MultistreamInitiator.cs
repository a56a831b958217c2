using System.Buffers;
using System.Text;

namespace P2PLearn.Networking.Negotiation;

/// <summary>The proposing side: candidates one by one until one is echoed.</summary>
/// <remarks>Source: multiformats multistream-select 1.0.0. Sends the header and the first proposal together.</remarks>
internal sealed class MultistreamInitiator : INegotiationState
{
    private readonly IReadOnlyList<string> _candidates;
    private readonly int _maxMessageBytes;
    private bool _headerSeen;
    private int _proposed; // index of the candidate that awaits its answer

    public MultistreamInitiator(IReadOnlyList<string> candidates, MultistreamOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfZero(candidates.Count);
        _candidates = candidates;
        _maxMessageBytes = options.MaxMessageBytes;
    }

    /// <inheritdoc/>
    public string? Agreed { get; private set; }

    /// <inheritdoc/>
    public bool Refused => _proposed == _candidates.Count;

    /// <inheritdoc/>
    public void Start(IBufferWriter<byte> output)
    {
        MultistreamMessage.Write(output, MultistreamMessage.Header);
        MultistreamMessage.Write(output, _candidates[0]);
    }

    /// <inheritdoc/>
    public EndReason Receive(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output, out int consumed)
    {
        consumed = 0;
        while (Agreed is null && !Refused)
        {
            EndReason reason = MultistreamMessage.Read(
                bytes[consumed..], _maxMessageBytes, out ReadOnlySpan<byte> text, out int bytesRead);
            if (reason != EndReason.None || bytesRead == 0)
            {
                return reason;
            }

            consumed += bytesRead;
            if (!TryTake(text, output))
            {
                return EndReason.UnexpectedMessage;
            }
        }

        return EndReason.None;
    }

    private bool TryTake(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!_headerSeen)
        {
            _headerSeen = text.SequenceEqual("/multistream/1.0.0"u8);
            return _headerSeen;
        }

        if (text.SequenceEqual("na"u8))
        {
            _proposed++;
            if (!Refused)
            {
                MultistreamMessage.Write(output, _candidates[_proposed]);
            }

            return true;
        }

        if (Encoding.UTF8.GetString(text) != _candidates[_proposed])
        {
            return false; // neither the echo nor "na"
        }

        Agreed = _candidates[_proposed];
        return true;
    }
}
