using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Tests.Models;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Tests.Torch;

/// <summary>
/// What is decided once per process is tested in processes of their own: this test program, started again for one
/// test.
/// </summary>
public sealed class TorchLibraryProcessTests
{
    private const string Child = "P2PLEARN_TEST_CHILD";

    [Fact]
    public async Task The_environment_variable_decides_where_the_library_is_looked_for()
    {
        if (IsChild)
        {
            var error = Assert.Throws<TorchUnavailableException>(TorchLibrary.EnsureLoaded);
            Assert.Equal(TorchProblem.Missing, error.Problem);
            Assert.Throws<TorchUnavailableException>(() => new Mlp());
            return;
        }

        string empty = Directory.CreateTempSubdirectory("p2plearn-torch-").FullName;
        (int exitCode, string output) = await RunChildAsync(empty);
        Directory.Delete(empty);
        Assert.True(exitCode == 0, output);
    }

    [Fact]
    public async Task A_failing_operator_is_an_exception_and_prints_nothing()
    {
        if (IsChild)
        {
            FailInLibtorch();
            return;
        }

        (int exitCode, string output) = await RunChildAsync(folder: null);
        Assert.True(exitCode == 0, output);
        Assert.DoesNotContain("Exception in aoti_torch", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_thread_is_used_on_every_thread_until_told_otherwise()
    {
        if (IsChild)
        {
            Assert.Equal([1, 1, 3, 1], OpenMpThreadCounts());
            return;
        }

        Assert.SkipUnless(OperatingSystem.IsLinux(), "looks into Linux's OpenMP library");
        (int exitCode, string output) = await RunChildAsync(folder: null);
        Assert.True(exitCode == 0, output);
    }

    private static bool IsChild => Environment.GetEnvironmentVariable(Child) is not null;

    // After training on a thread that did not load the library; after evaluating on another; both again with three and one.
    private static int[] OpenMpThreadCounts()
    {
        TorchLibrary.EnsureLoaded();
        LabelledImages data = TestData.Noise(count: 4, side: 16, classCount: 3, seed: 1);
        using ITrainableModel model = GradientTests.CreateSmall("cnn");
        int[] counts = new int[4];
        RunOnThread(() => model.ComputeGradient(TestData.BatchOf(data)), ref counts[0]);
        RunOnThread(() => model.Evaluate(data), ref counts[1]);
        TorchLibrary.SetThreadCount(3);
        RunOnThread(() => model.ComputeGradient(TestData.BatchOf(data)), ref counts[2]);
        TorchLibrary.SetThreadCount(1);
        RunOnThread(() => model.ComputeGradient(TestData.BatchOf(data)), ref counts[3]);
        return counts;
    }

    private static void RunOnThread(Action action, ref int openMpThreadCount)
    {
        int count = 0;
        var thread = new Thread(() =>
        {
            action();
            count = OpenMpThreadCount();
        });
        thread.Start();
        thread.Join();
        openMpThreadCount = count;
    }

    private static unsafe int OpenMpThreadCount()
    {
        string line = File.ReadLines("/proc/self/maps").First(map => map.Contains("libgomp", StringComparison.Ordinal));
        nint library = NativeLibrary.Load(line[line.IndexOf('/')..]);
        return ((delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "omp_get_max_threads"))();
    }

    private static unsafe void FailInLibtorch()
    {
        TorchLibrary.EnsureLoaded();
        float* data = stackalloc float[4];
        using var scope = new TorchScope();

        // A matrix that says it is four images gets past our own checks, as only a bug of ours could.
        Tensor matrix = scope.Over(data, TensorShape.Of(2, 2), TensorType.Float32);
        Tensor lie = matrix with { Shape = TensorShape.Of(1, 1, 2, 2) };
        var error = Assert.Throws<InvalidOperationException>(() => TorchOps.MaxPool2d(scope, lie, 2).Handle);
        Assert.Contains("aten::max_pool2d", error.Message, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunChildAsync(
        string? folder, [CallerMemberName] string method = "")
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "--filter-method", $"*{nameof(TorchLibraryProcessTests)}.{method}", "--no-progress" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [Child] = "1", [TorchLibrary.FolderVariable] = folder },
        };
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await errors);
    }
}
