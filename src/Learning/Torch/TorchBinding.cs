namespace P2PLearn.Learning.Torch;

/// <summary>
/// A loaded and checked libtorch: its two libraries and the functions whose names differ between platforms.
/// </summary>
/// <param name="CpuLibrary">Handle of the library with the C ABI.</param>
/// <param name="AbiVersion">Major, minor and patch in the top three bytes.</param>
/// <param name="SetThreadCount">Address of <c>at::set_num_threads</c>.</param>
/// <param name="MutableGrad">Address of <c>c10::TensorImpl::mutable_grad</c>.</param>
/// <param name="LogLevel">
/// Address of the least severity that is printed, or 0 where the library does not export it.
/// </param>
/// <param name="OperatorNew">Address of the C++ allocator.</param>
internal sealed record TorchBinding(
    nint CpuLibrary, ulong AbiVersion, nint SetThreadCount, nint MutableGrad, nint LogLevel, nint OperatorNew)
{
    private const int Major = 2;
    private const int Minor = 10;
    private const string WhatToDo =
        "install the NuGet package libtorch-cpu 2.10.0 of your platform, or set " + TorchLibrary.FolderVariable
        + " to the lib folder of a PyTorch 2.10 installation";

    // Those of the C ABI that PyTorch 2.10 added; an older library fails here, not in the middle of a step.
    private static readonly string[] RequiredFunctions =
    [
        "aoti_torch_create_tensor_from_blob", "aoti_torch_delete_tensor_object", "aoti_torch_new_tensor_handle",
        "aoti_torch_assign_tensors", "aoti_torch_get_data_ptr", "aoti_torch_item_float32",
        "aoti_torch_grad_mode_is_enabled", "aoti_torch_grad_mode_set_enabled", "torch_set_requires_grad",
        "torch_call_dispatcher", "torch_new_list_reserve_size", "torch_list_push_back",
        "aoti_torch_aten_subtract_Tensor",
    ];

    /// <summary>Loads libtorch and checks that it is the one this binding was written for.</summary>
    /// <param name="loader">Loads and looks up.</param>
    /// <param name="platform">This process's, or null when none is known.</param>
    /// <param name="folder">Where the libraries lie, or null to look beside the program.</param>
    /// <exception cref="TorchUnavailableException">Whatever is wrong.</exception>
    public static TorchBinding Load(INativeLoader loader, TorchPlatform? platform, string? folder)
    {
        if (platform is null)
        {
            throw new TorchUnavailableException(
                TorchProblem.WrongPlatform,
                "libtorch is bound on linux-x64, win-x64 and osx-arm64 only; run the node on one of these");
        }

        nint cpu = LoadLibrary(loader, folder, platform.CpuLibrary);
        ulong version = ReadVersion(loader, cpu, platform);
        foreach (string function in RequiredFunctions)
        {
            Find(loader, cpu, platform.CpuLibrary, function);
        }

        nint core = LoadLibrary(loader, folder, platform.CoreLibrary);
        nint runtime = LoadLibrary(loader, folder: null, platform.RuntimeLibrary);
        return new TorchBinding(
            cpu,
            version,
            Find(loader, cpu, platform.CpuLibrary, platform.SetThreadCount),
            Find(loader, core, platform.CoreLibrary, platform.MutableGrad),
            loader.TryGetExport(core, platform.LogLevel, out nint logLevel) ? logLevel : 0,
            Find(loader, runtime, platform.RuntimeLibrary, platform.OperatorNew));
    }

    private static nint LoadLibrary(INativeLoader loader, string? folder, string name)
    {
        string path = folder is null ? name : Path.Combine(Path.GetFullPath(folder), name);
        try
        {
            return loader.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new TorchUnavailableException(TorchProblem.Missing, $"{path} cannot be loaded; {WhatToDo}", e);
        }
    }

    private static ulong ReadVersion(INativeLoader loader, nint library, TorchPlatform platform)
    {
        ulong version = loader.CallUInt64(Find(loader, library, platform.CpuLibrary, "aoti_torch_abi_version"));
        (int major, int minor) = ((int)(version >> 56), (int)((version >> 48) & 0xFF));
        return (major, minor) == (Major, Minor)
            ? version
            : throw new TorchUnavailableException(
                TorchProblem.WrongVersion,
                $"{platform.CpuLibrary} is libtorch {major}.{minor}, needed is {Major}.{Minor}; {WhatToDo}");
    }

    private static nint Find(INativeLoader loader, nint library, string file, string function) =>
        loader.TryGetExport(library, function, out nint address)
            ? address
            : throw new TorchUnavailableException(
                TorchProblem.MissingFunction,
                $"{file} has no function {function}, so it is not libtorch {Major}.{Minor}; {WhatToDo}");
}
