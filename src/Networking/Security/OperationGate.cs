namespace P2PLearn.Networking.Security;

/// <summary>Lets one operation in at a time, and tells who releases what it uses: the closer, or the operation that was in.</summary>
/// <remarks>A mutable struct: keep it in a field. Costs two interlocked operations, no allocation.</remarks>
internal struct OperationGate
{
    private const int Busy = 1;
    private const int Closed = 2;
    private int _state;

    /// <summary>Enters.</summary>
    /// <exception cref="IOException">Closed.</exception>
    /// <exception cref="InvalidOperationException">Another operation is in: a bug of the caller.</exception>
    public void Enter()
    {
        int before = Interlocked.CompareExchange(ref _state, Busy, 0);
        if ((before & Closed) != 0)
        {
            throw new IOException("the channel is closed");
        }

        if (before != 0)
        {
            throw new InvalidOperationException("only one read and one write at a time");
        }
    }

    /// <summary>Leaves.</summary>
    /// <returns>True when the gate was closed meanwhile: the caller releases.</returns>
    public bool Exit() => (Interlocked.And(ref _state, ~Busy) & Closed) != 0;

    /// <summary>Closes.</summary>
    /// <returns>True when nobody was in and it was open: the caller releases.</returns>
    public bool Close() => Interlocked.Or(ref _state, Closed) == 0;
}
