using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Torch;

/// <summary>
/// What differs between the builds of libtorch: file names, and the names compilers give the few C++ functions.
/// </summary>
/// <param name="CpuLibrary">File of the operators and the C ABI.</param>
/// <param name="CoreLibrary">File of the tensor type.</param>
/// <param name="RuntimeLibrary">The C++ runtime that holds the allocator; by name, the system finds it.</param>
/// <param name="SetThreadCount"><c>void at::set_num_threads(int)</c> in <paramref name="CpuLibrary"/>.</param>
/// <param name="MutableGrad">
/// <c>at::Tensor&amp; c10::TensorImpl::mutable_grad()</c> in <paramref name="CoreLibrary"/>.
/// </param>
/// <param name="LogLevel"><c>int FLAGS_caffe2_log_level</c> in <paramref name="CoreLibrary"/>.</param>
/// <param name="OperatorNew">What C++ <c>delete</c> releases, in <paramref name="RuntimeLibrary"/>.</param>
internal sealed record TorchPlatform(
    string CpuLibrary, string CoreLibrary, string RuntimeLibrary, string SetThreadCount, string MutableGrad,
    string LogLevel, string OperatorNew)
{
    private const string ItaniumSetThreadCount = "_ZN2at15set_num_threadsEi";
    private const string ItaniumMutableGrad = "_ZN3c1010TensorImpl12mutable_gradEv";
    private const string ItaniumLogLevel = "FLAGS_caffe2_log_level";
    private const string ItaniumNew = "_Znwm";

    /// <summary>linux-x64, the platform the tests run on.</summary>
    public static TorchPlatform Linux { get; } = new(
        "libtorch_cpu.so", "libc10.so", "libstdc++.so.6", ItaniumSetThreadCount, ItaniumMutableGrad, ItaniumLogLevel,
        ItaniumNew);

    /// <summary>osx-arm64.</summary>
    public static TorchPlatform MacOs { get; } = new(
        "libtorch_cpu.dylib", "libc10.dylib", "libc++.1.dylib", ItaniumSetThreadCount, ItaniumMutableGrad,
        ItaniumLogLevel, ItaniumNew);

    /// <summary>win-x64; MSVC's <c>operator new</c> is linked into each program and is the heap of malloc.</summary>
    public static TorchPlatform Windows { get; } = new(
        "torch_cpu.dll", "c10.dll", "ucrtbase.dll", "?set_num_threads@at@@YAXH@Z",
        "?mutable_grad@TensorImpl@c10@@QEAAAEAVTensor@at@@XZ", "?FLAGS_caffe2_log_level@@3HA", "malloc");

    /// <summary>The platform of this process, or null where no build of libtorch is known.</summary>
    public static TorchPlatform? Current => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 when OperatingSystem.IsLinux() => Linux,
        Architecture.X64 when OperatingSystem.IsWindows() => Windows,
        Architecture.Arm64 when OperatingSystem.IsMacOS() => MacOs,
        _ => null,
    };
}
