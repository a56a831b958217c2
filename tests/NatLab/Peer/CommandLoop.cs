using System.Text.Json.Nodes;

namespace P2PLearn.NatPeer;

/// <summary>Reads commands, runs them side by side, and answers each with a <c>done</c> or a <c>failed</c> event.</summary>
/// <param name="events">Where answers go.</param>
/// <param name="run">Carries out one command; what it returns is put into the answer.</param>
internal sealed class CommandLoop(EventWriter events, Func<string, string[], CancellationToken, Task<JsonNode?>> run)
{
    private readonly List<Task> _running = [];

    public async Task RunAsync(TextReader input)
    {
        using var closing = new CancellationTokenSource();
        while (await input.ReadLineAsync(CancellationToken.None) is { } line)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is [_, "quit", ..])
            {
                break;
            }

            if (words is [string id, string verb, .. string[] arguments])
            {
                _running.RemoveAll(task => task.IsCompleted);
                _running.Add(AnswerAsync(id, verb, arguments, closing.Token));
            }
        }

        await closing.CancelAsync();
        await Task.WhenAll(_running);
    }

    private async Task AnswerAsync(string id, string verb, string[] arguments, CancellationToken cancellationToken)
    {
        await Task.Yield(); // the next line need not wait for this command
        try
        {
            JsonNode? result = await run(verb, arguments, cancellationToken);
            events.Write("done", ("id", id), ("result", result));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            events.Write("failed", ("id", id), ("error", e.Message), ("kind", e.GetType().Name));
        }
    }
}
