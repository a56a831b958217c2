using System.Reflection;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Torch;

/// <summary>
/// The three things binding a native library takes; a seam, so that tests can offer libraries that are missing, old
/// or cut.
/// </summary>
internal interface INativeLoader
{
    /// <summary>
    /// Loads a library by full path, or by file name from where the system and the program's own native folder have
    /// it.
    /// </summary>
    /// <exception cref="DllNotFoundException">It is not there, or one of its own dependencies is not.</exception>
    /// <exception cref="BadImageFormatException">It is not a library of this platform.</exception>
    nint Load(string pathOrName);

    /// <summary>The address of an exported function.</summary>
    bool TryGetExport(nint library, string name, out nint address);

    /// <summary>Calls <c>uint64_t f()</c>.</summary>
    ulong CallUInt64(nint address);
}

/// <summary>The operating system's loader.</summary>
internal sealed class SystemNativeLoader : INativeLoader
{
    public nint Load(string pathOrName) => Path.IsPathRooted(pathOrName)
        ? NativeLibrary.Load(pathOrName)
        : NativeLibrary.Load(pathOrName, Assembly.GetExecutingAssembly(), searchPath: null);

    public bool TryGetExport(nint library, string name, out nint address) =>
        NativeLibrary.TryGetExport(library, name, out address);

    public unsafe ulong CallUInt64(nint address) => ((delegate* unmanaged[Cdecl]<ulong>)address)();
}
