namespace P2PLearn.NatLab.Tests;

/// <summary>One laboratory for all tests of a class, brought up by the first of them.</summary>
/// <param name="arguments">As for <c>natlab.sh up</c>.</param>
public abstract class SharedLaboratory(params string[] arguments) : IAsyncDisposable
{
    private Task<Laboratory>? _laboratory;

    public Task<Laboratory> GetAsync() => _laboratory ??= Laboratory.UpAsync(arguments);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_laboratory is { IsCompletedSuccessfully: true })
        {
            await (await _laboratory).DisposeAsync();
        }
    }
}
