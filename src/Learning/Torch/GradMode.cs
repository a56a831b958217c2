namespace P2PLearn.Learning.Torch;

/// <summary>Sets whether libtorch records a graph on this thread, and puts the old setting back.</summary>
/// <remarks>Thread-local in libtorch: no <c>await</c> inside.</remarks>
internal readonly ref struct GradMode
{
    private readonly byte _previous;

    public GradMode(bool enabled)
    {
        _previous = TorchNative.IsGradModeEnabled();
        TorchNative.SetGradMode(enabled ? (byte)1 : (byte)0);
    }

    public void Dispose() => TorchNative.SetGradMode(_previous);
}
