using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace P2PLearn.Networking.Negotiation;

/// <summary>A link or stream on which one protocol is agreed, or hoped for.</summary>
/// <remarks>
/// Hoped for: the opening (header and proposal) waits for the first write and goes out in front of its bytes; a read or a half-close
/// that comes first sends it alone. The first read takes the remote's header and echo off before it hands anything up. Then both
/// directions pass straight through. A read and a write may overlap, also at the start. A first read that is cancelled breaks the
/// reading side: what it had read of the echo is lost.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A SemaphoreSlim whose wait handle is never asked for holds nothing to dispose.")]
internal sealed class NegotiatedDuplex<TDuplex>
    where TDuplex : struct, IByteDuplex
{
    /// <summary>Most bytes of a first write that are copied behind the opening; the rest follows by itself.</summary>
    private const int MaxJoinedBytes = 16 * 1024;

    private readonly TDuplex _duplex;
    private readonly NegotiationRunner? _runner;
    private readonly MultistreamInitiator? _hoped;
    private readonly string _protocol;
    private readonly SemaphoreSlim? _opening; // whoever holds it sends the opening
    private volatile bool _opened;
    private bool _confirmed; // the reader's
    private bool _broken; // the reader's: a first read was cancelled or failed, and what it had read is lost
    private ReadOnlyMemory<byte> _leftover; // the reader's

    /// <summary>Agreed; <paramref name="leftover"/> was read beyond the echo.</summary>
    public NegotiatedDuplex(TDuplex duplex, string protocol, ReadOnlyMemory<byte> leftover)
    {
        _duplex = duplex;
        _protocol = protocol;
        _leftover = leftover;
        _opened = true;
        _confirmed = true;
    }

    /// <summary>Hoped for.</summary>
    public NegotiatedDuplex(TDuplex duplex, string protocol, NegotiationRunner runner)
    {
        _duplex = duplex;
        _protocol = protocol;
        _runner = runner;
        _hoped = new MultistreamInitiator([protocol], runner.Options);
        _opening = new SemaphoreSlim(1);
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _confirmed && _leftover.IsEmpty
            ? _duplex.ReadAsync(buffer, cancellationToken)
            : ReadFirstAsync(buffer, cancellationToken);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _opened ? _duplex.WriteAsync(bytes, cancellationToken) : WriteFirstAsync(bytes, cancellationToken);

    /// <summary>Sends the opening if it still waits.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _opened ? ValueTask.CompletedTask : WriteFirstAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);

    private async ValueTask<int> ReadFirstAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!_confirmed)
        {
            await ConfirmAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_leftover.IsEmpty)
        {
            return await _duplex.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        int count = Math.Min(buffer.Length, _leftover.Length);
        _leftover.Span[..count].CopyTo(buffer.Span);
        _leftover = _leftover[count..];
        return count;
    }

    private async ValueTask ConfirmAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        if (_broken && !_hoped!.Refused)
        {
            throw new IOException($"the negotiation of {_protocol} was broken off");
        }

        _broken = true;
        _leftover = await _runner!.RunAsync(_duplex, _hoped!, new ArrayBufferWriter<byte>(), cancellationToken)
            .ConfigureAwait(false);
        _broken = false;
        _confirmed = _hoped!.Agreed is not null ? true : throw _duplex.Refusal(_protocol);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteFirstAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _opening!.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_opened)
            {
                int joined = Math.Min(bytes.Length, MaxJoinedBytes);
                await SendOpeningAsync(bytes[..joined], cancellationToken).ConfigureAwait(false);
                bytes = bytes[joined..];
                _opened = true;
            }
        }
        finally
        {
            _opening.Release();
        }

        if (!bytes.IsEmpty)
        {
            await _duplex.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask SendOpeningAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(64 + bytes.Length);
        _hoped!.Start(output);
        output.Write(bytes.Span);
        await _duplex.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
    }
}
