namespace P2PLearn.Networking.Muxing;

/// <summary>Turns what the state wants to send into batches for the link.</summary>
/// <remarks>
/// Two batches: one is filled by whoever writes while the link takes the other. That is all that can be queued; a write that finds the
/// filling batch full waits for its turn in the next. Used under the session's gate.
/// </remarks>
internal sealed class YamuxSender : IDisposable
{
    private readonly YamuxSessionState _state;
    private YamuxBatch _filling;
    private YamuxBatch _writing;

    /// <summary>Creates a sender without buffers; they are rented while there is something to send.</summary>
    public YamuxSender(YamuxSessionState state, YamuxOptions options)
    {
        _state = state;
        _filling = new YamuxBatch(options.BatchBytes, options.MaxDataFrameBytes);
        _writing = new YamuxBatch(options.BatchBytes, options.MaxDataFrameBytes);
    }

    /// <summary>Copies from the streams, turn by turn, until the batch is full or nobody may send.</summary>
    public void Fill(TimeSpan now)
    {
        while (_state.TryNextTurn(_filling.Room, now, out YamuxTurn turn))
        {
            var stream = (YamuxStream)turn.Stream.Owner!;
            int bytes = (int)turn.Header.Length;
            _filling.Append(turn.Header, stream.NextToWrite(bytes));
            stream.Taken(bytes);
        }
    }

    /// <summary>Takes everything that can be sent now, control frames first.</summary>
    /// <param name="now">The time.</param>
    /// <param name="lastWord">A go away to send after all that was written, or null.</param>
    /// <param name="content">One write for the link; valid until the next call.</param>
    /// <returns>False when there is nothing to send; the buffers have gone back to the pool then.</returns>
    public bool TrySeal(TimeSpan now, ref YamuxGoAwayCode? lastWord, out ReadOnlyMemory<byte> content)
    {
        content = default;
        _writing.Clear();
        Fill(now);
        while (_filling.HasControlRoom && _state.TryNextControl(now, out YamuxHeader header))
        {
            _filling.AppendControl(header);
        }

        if (lastWord is { } code && _filling.Room >= YamuxHeader.Bytes)
        {
            _filling.Append(new YamuxHeader(YamuxFrameType.GoAway, YamuxFlags.None, 0, (uint)code), []);
            lastWord = null;
        }

        if (_filling.IsEmpty)
        {
            Dispose();
            return false;
        }

        (_filling, _writing) = (_writing, _filling);
        content = _writing.Seal();
        return true;
    }

    /// <summary>Gives the buffers back until they are needed again. No write of the link may be pending.</summary>
    public void Dispose()
    {
        _filling.Dispose();
        _writing.Dispose();
    }
}
