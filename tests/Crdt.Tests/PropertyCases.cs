using CsCheck;

[assembly: AssemblyFixture(typeof(P2PLearn.Crdt.Tests.PropertyCases.Report))]

namespace P2PLearn.Crdt.Tests;

/// <summary>How many cases each property runs, in one place, and how many ran in all.</summary>
internal static class PropertyCases
{
    /// <summary>Cases of one property.</summary>
    public const int PerProperty = 300;

    private static long _total;

    /// <summary>Runs a property over <see cref="PerProperty"/> random cases; a failure names its seed.</summary>
    public static void Check<T>(this Gen<T> cases, Action<T> property) =>
        cases.Sample(
            value =>
            {
                Interlocked.Increment(ref _total);
                property(value);
            },
            iter: PerProperty);

    /// <summary>Prints the number of cases when the last test is done.</summary>
    public sealed class Report : IDisposable
    {
        public void Dispose() => Console.WriteLine($"property cases: {Interlocked.Read(ref _total)}");
    }
}
