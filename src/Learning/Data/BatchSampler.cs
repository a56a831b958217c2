using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace P2PLearn.Learning.Data;

/// <summary>Draws a node's own images without replacement within a pass, in an order that its seed fixes.</summary>
/// <remarks>
/// Each pass is a new shuffle of the whole share; a batch that reaches the end of a pass takes its rest from the
/// next, so every image is seen equally often. The state is where the pass began in the generator and how far it got,
/// so it is small and a restarted node goes on with the very images it would have drawn. Not safe for several
/// threads.
/// </remarks>
public sealed class BatchSampler
{
    /// <summary>
    /// Bytes written by <see cref="SaveState"/>: digest of the share, generator at the start of the pass, position.
    /// </summary>
    public const int StateSize = DigestSize + SeededRandom.StateSize + sizeof(int);

    private const int DigestSize = 16;

    private readonly int[] _share;
    private readonly int[] _order;
    private readonly byte[] _passStart = new byte[SeededRandom.StateSize];
    private SeededRandom _random;
    private int _position;

    /// <summary>Starts the first pass.</summary>
    /// <param name="share">Indices of the node's images; at least one.</param>
    /// <param name="random">Owned by the sampler from here on.</param>
    public BatchSampler(ReadOnlySpan<int> share, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (share.IsEmpty)
        {
            throw new ArgumentException("a node without images cannot train", nameof(share));
        }

        _share = share.ToArray();
        _order = new int[share.Length];
        _random = random;
        StartPass();
    }

    /// <summary>Draws the next indices.</summary>
    /// <param name="indices">Filled whole.</param>
    public void Next(Span<int> indices)
    {
        while (!indices.IsEmpty)
        {
            if (_position == _order.Length)
            {
                StartPass();
            }

            int count = Math.Min(indices.Length, _order.Length - _position);
            _order.AsSpan(_position, count).CopyTo(indices);
            _position += count;
            indices = indices[count..];
        }
    }

    /// <summary>Writes the state, <see cref="StateSize"/> bytes.</summary>
    public void SaveState(Span<byte> destination)
    {
        ShareDigest(destination[..DigestSize]);
        _passStart.CopyTo(destination[DigestSize..]);
        BinaryPrimitives.WriteInt32LittleEndian(destination[(DigestSize + SeededRandom.StateSize)..], _position);
    }

    /// <summary>Goes on from a saved state of a sampler over the same share.</summary>
    /// <exception cref="InvalidDataException">Not such a state; the sampler is unchanged.</exception>
    public void RestoreState(ReadOnlySpan<byte> state)
    {
        (SeededRandom random, int position) = Read(state);
        _random = random;
        StartPass();
        _position = position;
    }

    private (SeededRandom Random, int Position) Read(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the state of a sampler has {StateSize} bytes, not {state.Length}");
        }

        Span<byte> digest = stackalloc byte[DigestSize];
        ShareDigest(digest);
        if (!digest.SequenceEqual(state[..DigestSize]))
        {
            throw new InvalidDataException("the state of the sampler belongs to another share of the data");
        }

        uint position = BinaryPrimitives.ReadUInt32LittleEndian(state[(DigestSize + SeededRandom.StateSize)..]);
        if (position > (uint)_order.Length)
        {
            throw new InvalidDataException($"the sampler cannot be at image {position} of {_order.Length}");
        }

        return (SeededRandom.FromState(state.Slice(DigestSize, SeededRandom.StateSize)), (int)position);
    }

    private void StartPass()
    {
        _random.SaveState(_passStart);
        _share.CopyTo(_order, 0); // from the same order each time, so that the generator's state alone fixes the pass
        _random.Shuffle<int>(_order);
        _position = 0;
    }

    private void ShareDigest(Span<byte> destination)
    {
        Span<byte> full = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes<int>(_share), full);
        full[..DigestSize].CopyTo(destination);
    }
}
