using System.Diagnostics;
using P2PLearn.Node.Demo;

namespace P2PLearn.Mesh.Tests;

/// <summary>Runs the program as a user would, and returns what it said.</summary>
internal static class Cli
{
    public static Task<CliResult> RunAsync(TimeSpan limit, params string[] arguments) => RunAsync(limit, new Dictionary<string, string>(), arguments);

    /// <summary>The same with environment variables set.</summary>
    public static async Task<CliResult> RunAsync(TimeSpan limit, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(NodeProcess.Program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folders.Root };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"'p2plearn {string.Join(' ', arguments)}' did not end within {limit}: {await output} {await error}");
        }

        return new CliResult(process.ExitCode, await output, await error);
    }

    /// <summary>Runs what must be refused: exit code 2, one line on standard error, no stack trace.</summary>
    public static async Task<string> RefusedAsync(params string[] arguments)
    {
        CliResult result = await RunAsync(TimeSpan.FromSeconds(90), arguments);
        string line = result.Error.TrimEnd('\n');
        Assert.True(result.ExitCode == 2, $"exit code {result.ExitCode} instead of 2: {result.Error}");
        Assert.DoesNotContain('\n', line);
        Assert.StartsWith("p2plearn: ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        return line;
    }
}

internal sealed record CliResult(int ExitCode, string Output, string Error);
