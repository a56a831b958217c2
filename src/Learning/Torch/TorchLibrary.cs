using System.Reflection;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Torch;

/// <summary>The native libtorch of this process: found, checked and loaded once, at first use.</summary>
/// <remarks>
/// Bound through the stable C ABI that PyTorch 2.10 exports for out-of-tree extensions, so that any build of that
/// version serves: the NuGet packages libtorch-cpu-*, or the folder that <see cref="FolderVariable"/> names. Safe for
/// several threads.
/// </remarks>
public static class TorchLibrary
{
    /// <summary>
    /// Environment variable naming the folder of the libraries, e.g. a PyTorch installation's <c>torch/lib</c>.
    /// </summary>
    public const string FolderVariable = "P2PLEARN_LIBTORCH";

    /// <summary>
    /// Environment variable that, set to anything, lets libtorch print what it says when an operator fails.
    /// </summary>
    internal const string LogVariable = "TORCH_CPP_LOG_LEVEL";

    private static readonly Lazy<TorchBinding> Loaded = new(Load);

    private static int _threadCount = 1;

    [ThreadStatic]
    private static int _threadCountHere; // 0: this thread has not been told

    /// <summary>libtorch's version.</summary>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public static Version Version => new(
        (int)(Binding.AbiVersion >> 56),
        (int)((Binding.AbiVersion >> 48) & 0xFF),
        (int)((Binding.AbiVersion >> 40) & 0xFF));

    internal static TorchBinding Binding => Loaded.Value;

    /// <summary>Loads libtorch if that has not been done, so that a program can say early what is missing.</summary>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public static void EnsureLoaded() => _ = Binding;

    /// <summary>Sets how many threads one operator may use, in the whole process; 1 until this is called.</summary>
    /// <remarks>One is right where many nodes share a machine, and for results that repeat bit for bit.</remarks>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public static void SetThreadCount(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        EnsureLoaded();
        Volatile.Write(ref _threadCount, count);
        EnterThread();
    }

    /// <summary>Makes the thread count hold on this thread; costs nothing when it does already.</summary>
    /// <remarks>OpenMP keeps it for each thread, and a thread that nobody told takes all cores.</remarks>
    internal static unsafe void EnterThread()
    {
        int count = Volatile.Read(ref _threadCount);
        if (_threadCountHere != count)
        {
            ((delegate* unmanaged[Cdecl]<int, void>)Binding.SetThreadCount)(count);
            _threadCountHere = count;
        }
    }

    private static TorchBinding Load()
    {
        string? folder = Environment.GetEnvironmentVariable(FolderVariable);
        var binding = TorchBinding.Load(
            new SystemNativeLoader(), TorchPlatform.Current, string.IsNullOrWhiteSpace(folder) ? null : folder);
        NativeLibrary.SetDllImportResolver(
            Assembly.GetExecutingAssembly(), (name, _, _) => name == TorchNative.Library ? binding.CpuLibrary : 0);
        QuietNativeLog(binding);
        return binding;
    }

    // A failing operator prints a C++ stack trace before it returns. libtorch reads its variable only when Python
    // starts it, so we do that here.
    private static unsafe void QuietNativeLog(TorchBinding binding)
    {
        const int Fatal = 3;
        if (binding.LogLevel != 0 && Environment.GetEnvironmentVariable(LogVariable) is null)
        {
            *(int*)binding.LogLevel = Fatal;
        }
    }
}
