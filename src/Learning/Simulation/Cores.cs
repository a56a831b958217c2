using System.Runtime.ExceptionServices;

namespace P2PLearn.Learning.Simulation;

/// <summary>Work that is cut into independent pieces, on some threads.</summary>
internal static class Cores
{
    /// <summary>Does pieces 0 to count − 1, in order when there is one thread.</summary>
    /// <param name="count">At least 0.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="piece">Touches nothing that another piece does.</param>
    /// <param name="cancellationToken">Looked at before each piece.</param>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public static void For(int count, int threads, Action<int> piece, CancellationToken cancellationToken)
    {
        if (threads == 1 || count <= 1)
        {
            for (int i = 0; i < count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                piece(i);
            }

            return;
        }

        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken }, piece);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]); // as one thread would have thrown it
        }
    }
}
