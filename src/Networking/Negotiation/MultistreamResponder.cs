using System.Buffers;
using System.Text;

namespace P2PLearn.Networking.Negotiation;

/// <summary>The answering side: echoes the first proposal that it speaks, says "na" to the others.</summary>
/// <remarks>
/// Source: multiformats multistream-select 1.0.0. The header goes out with the first answer where both fit one write, since a dialer
/// always speaks first. The old <c>ls</c> is answered "na" like any unknown name, and counts as a proposal.
/// </remarks>
/// <param name="speaks">Which protocols this side speaks.</param>
/// <param name="options">Limits.</param>
internal sealed class MultistreamResponder(Predicate<string> speaks, MultistreamOptions options) : INegotiationState
{
    private bool _headerSeen;
    private int _proposals;

    /// <inheritdoc/>
    public string? Agreed { get; private set; }

    /// <inheritdoc/>
    /// <remarks>It is for the initiator to give up.</remarks>
    public bool Refused => false;

    /// <inheritdoc/>
    public void Start(IBufferWriter<byte> output)
    {
    }

    /// <inheritdoc/>
    public EndReason Receive(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output, out int consumed)
    {
        consumed = 0;
        while (Agreed is null)
        {
            EndReason reason = MultistreamMessage.Read(
                bytes[consumed..], options.MaxMessageBytes, out ReadOnlySpan<byte> text, out int bytesRead);
            if (reason != EndReason.None || bytesRead == 0)
            {
                return reason;
            }

            consumed += bytesRead;
            reason = Take(text, output);
            if (reason != EndReason.None)
            {
                return reason;
            }
        }

        return EndReason.None;
    }

    private EndReason Take(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!_headerSeen)
        {
            _headerSeen = text.SequenceEqual("/multistream/1.0.0"u8);
            MultistreamMessage.Write(output, MultistreamMessage.Header);
            return _headerSeen ? EndReason.None : EndReason.UnexpectedMessage;
        }

        if (++_proposals > options.MaxProposals)
        {
            return EndReason.TooManyRequests;
        }

        string proposal = Encoding.UTF8.GetString(text);
        bool spoken = text.StartsWith("/"u8) && text.Length <= ProtocolId.MaxBytes && speaks(proposal);
        MultistreamMessage.Write(output, spoken ? proposal : MultistreamMessage.NotAvailable);
        Agreed = spoken ? proposal : null;
        return EndReason.None;
    }
}
