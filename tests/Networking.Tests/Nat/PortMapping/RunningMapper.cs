using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.TestKit;
using Mapping = P2PLearn.Networking.Nat.PortMapping.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>A mapper of port 4001 that runs, and what a test waits for.</summary>
internal sealed class RunningMapper : IAsyncDisposable
{
    public const int Port = 4001;

    private readonly PortMapper _mapper;

    public RunningMapper(PortMapperOptions options, TimeProvider? time = null)
    {
        _mapper = new PortMapper(options, time ?? TimeProvider.System, NullLoggerFactory.Instance);
        _mapper.Start(Port);
    }

    public PortMapper Mapper => _mapper;

    /// <summary>The only mapping, once there is one that fits.</summary>
    public async Task<Mapping> MappedAsync(Func<Mapping, bool>? fits = null, string what = "a mapping")
    {
        await ChangedUntilAsync(() => _mapper.Mappings.Any(m => fits?.Invoke(m) ?? true), what);
        return Assert.Single(_mapper.Mappings);
    }

    /// <summary>The problem, once it says that.</summary>
    public async Task<string> ProblemAsync(string part)
    {
        await ChangedUntilAsync(() => _mapper.Problem?.Contains(part, StringComparison.Ordinal) == true, $"a problem with: {part}");
        return _mapper.Problem!;
    }

    /// <summary>Lets virtual time pass until something happens. The only driver of the time.</summary>
    public static async Task PassAsync(FakeTimeProvider time, TimeSpan step, Func<bool> until, string what) =>
        await Within.UntilAsync(
            () =>
            {
                if (!until())
                {
                    time.Advance(step);
                }

                return until();
            },
            what);

    public ValueTask DisposeAsync() => _mapper.DisposeAsync();

    private async Task ChangedUntilAsync(Func<bool> condition, string what)
    {
        var happened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look()
        {
            if (condition())
            {
                happened.TrySetResult();
            }
        }

        _mapper.Changed += Look;
        try
        {
            Look();
            await happened.Task.LimitAsync(what);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; mappings: {string.Join(", ", _mapper.Mappings)}; problem: {_mapper.Problem}", e);
        }
        finally
        {
            _mapper.Changed -= Look;
        }
    }
}
