namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Counts by key; a key at zero is forgotten.</summary>
/// <remarks>Not safe for several threads. As many keys as things counted, so whoever limits those bounds it.</remarks>
internal sealed class RelayTally<TKey>
    where TKey : notnull
{
    private readonly Dictionary<TKey, int> _counts = [];

    /// <summary>Keys above zero.</summary>
    public int KeyCount => _counts.Count;

    /// <summary>The count of a key; 0 for none.</summary>
    public int this[TKey? key] => key is null ? 0 : _counts.GetValueOrDefault(key);

    /// <summary>One more; nothing for no key.</summary>
    public void Add(TKey? key)
    {
        if (key is not null)
        {
            _counts[key] = this[key] + 1;
        }
    }

    /// <summary>One less of what was added; nothing for no key.</summary>
    public void Remove(TKey? key)
    {
        if (key is null)
        {
            return;
        }

        int left = _counts[key] - 1;
        if (left == 0)
        {
            _counts.Remove(key);
        }
        else
        {
            _counts[key] = left;
        }
    }
}
