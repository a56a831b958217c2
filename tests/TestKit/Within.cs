namespace P2PLearn.TestKit;

/// <summary>Waiting with an end: a test that hangs says what it was waiting for.</summary>
public static class Within
{
    /// <summary>Long enough for two cores that thirty others want too; a test never waits this long unless it fails.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>Awaits a task for at most <see cref="Limit"/>, or that many times as long.</summary>
    /// <exception cref="TimeoutException">Names <paramref name="what"/>.</exception>
    public static async Task LimitAsync(this Task task, string what, int times = 1)
    {
        try
        {
            await task.WaitAsync(Limit * times);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw new TimeoutException($"waited {(Limit * times).TotalSeconds:0} s for: {what}");
        }
    }

    /// <summary>Awaits a task for at most <see cref="Limit"/>.</summary>
    /// <exception cref="TimeoutException">Names <paramref name="what"/>.</exception>
    public static async Task<T> LimitAsync<T>(this Task<T> task, string what)
    {
        await LimitAsync((Task)task, what);
        return await task;
    }

    /// <summary>Awaits a task for at most <see cref="Limit"/>.</summary>
    public static Task LimitAsync(this ValueTask task, string what) => task.AsTask().LimitAsync(what);

    /// <summary>Awaits a task for at most <see cref="Limit"/>.</summary>
    public static Task<T> LimitAsync<T>(this ValueTask<T> task, string what) => task.AsTask().LimitAsync(what);

    /// <summary>Waits until a condition holds, at most <see cref="Limit"/> or that many times as long. Only for states that raise no event; where there is one, await it.</summary>
    /// <exception cref="TimeoutException">Names <paramref name="what"/>.</exception>
    public static async Task UntilAsync(Func<bool> condition, string what, int times = 1)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > Limit * times)
            {
                throw new TimeoutException($"waited {(Limit * times).TotalSeconds:0} s until: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, CancellationToken.None);
        }
    }
}
