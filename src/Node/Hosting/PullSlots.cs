namespace P2PLearn.Node.Hosting;

/// <summary>Which pulls run: a few at once, and one for each root. Safe for several threads.</summary>
internal sealed class PullSlots
{
    /// <summary>Most pulls at once: each holds up to 32 providers busy.</summary>
    public const int MaxPulls = 4;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _roots = new(StringComparer.Ordinal);
    private int _pulls;

    /// <summary>Begins a pull; disposing of the result ends it.</summary>
    /// <param name="roots">What it may fetch.</param>
    /// <exception cref="UserErrorException">Too many run, or another one fetches one of the roots.</exception>
    public IDisposable Enter(IReadOnlyCollection<string> roots)
    {
        lock (_gate)
        {
            if (_pulls == MaxPulls)
            {
                throw new UserErrorException($"{MaxPulls} pulls run already; wait for one of them");
            }

            if (roots.FirstOrDefault(_roots.Contains) is { } taken)
            {
                throw new UserErrorException($"{taken} is being pulled already; 'p2plearn model list' shows when it is complete");
            }

            _pulls++;
            _roots.UnionWith(roots);
            return new Slot(this, [.. roots]);
        }
    }

    private void Leave(string[] roots)
    {
        lock (_gate)
        {
            _pulls--;
            _roots.ExceptWith(roots);
        }
    }

    private sealed class Slot(PullSlots slots, string[] roots) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                slots.Leave(roots);
            }
        }
    }
}
