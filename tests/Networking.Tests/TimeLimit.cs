using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests;

/// <summary><see cref="Within.Limit"/> for short tests in which only one thing can hang.</summary>
internal static class TimeLimit
{
    public static Task<T> Time<T>(this Task<T> task) => task.WaitAsync(Within.Limit);

    public static Task Time(this Task task) => task.WaitAsync(Within.Limit);

    public static Task<T> Time<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Within.Limit);

    public static Task Time(this ValueTask task) => task.AsTask().WaitAsync(Within.Limit);
}
