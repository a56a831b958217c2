using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Tests.Torch;

public sealed class TorchBindingTests : IDisposable
{
    private const ulong Abi210 = 0x020A_0000_0000_0000;

    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-torch-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_library_of_this_machine_is_2_10()
    {
        TorchLibrary.EnsureLoaded();

        Assert.Equal((2, 10), (TorchLibrary.Version.Major, TorchLibrary.Version.Minor));
    }

    [Fact]
    public void A_folder_with_the_library_is_taken()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        Assert.SkipUnless(Directory.Exists(folder), "the package lies elsewhere on this platform");

        var binding = TorchBinding.Load(new SystemNativeLoader(), TorchPlatform.Current, folder);

        Assert.Equal(Abi210 >> 48, binding.AbiVersion >> 48);
        Assert.NotEqual(0, binding.MutableGrad);
    }

    [Fact]
    public void An_unknown_platform_is_refused()
    {
        var error = Refused(new FakeLoader(), platform: null);

        Assert.Equal(TorchProblem.WrongPlatform, error.Problem);
        Assert.Contains("linux-x64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_the_library_is_named()
    {
        var error = Refused(new SystemNativeLoader(), TorchPlatform.Linux, _directory);

        Assert.Equal(TorchProblem.Missing, error.Problem);
        Assert.StartsWith(Path.Combine(_directory, "libtorch_cpu.so"), error.Message, StringComparison.Ordinal);
        Assert.Contains(TorchLibrary.FolderVariable, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_library_is_refused()
    {
        File.WriteAllText(Path.Combine(_directory, "libtorch_cpu.so"), "not a library");

        Assert.Equal(TorchProblem.Missing, Refused(new SystemNativeLoader(), TorchPlatform.Linux, _directory).Problem);
    }

    [Theory]
    [InlineData("libc10.so")]
    [InlineData("libstdc++.so.6")]
    public void A_missing_companion_library_is_named(string name)
    {
        var error = Refused(new FakeLoader { MissingLibrary = name }, TorchPlatform.Linux);

        Assert.Equal(TorchProblem.Missing, error.Problem);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x0209_0100_0000_0000, "2.9")]
    [InlineData(0x020B_0000_0000_0000, "2.11")]
    [InlineData(0x030A_0000_0000_0000, "3.10")]
    [InlineData(0, "0.0")]
    public void Another_version_is_refused_by_name(ulong abi, string version)
    {
        var error = Refused(new FakeLoader { Abi = abi }, TorchPlatform.Linux);

        Assert.Equal(TorchProblem.WrongVersion, error.Problem);
        Assert.Contains($"is libtorch {version}, needed is 2.10", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patch_of_the_version_is_taken() =>
        Assert.Equal(
            Abi210 | (3UL << 40), TorchBinding.Load(new FakeLoader { Abi = Abi210 | (3UL << 40) }, TorchPlatform.Linux, folder: null).AbiVersion);

    [Theory]
    [InlineData("aoti_torch_abi_version")]
    [InlineData("torch_call_dispatcher")]
    [InlineData("_ZN2at15set_num_threadsEi")]
    [InlineData("_ZN3c1010TensorImpl12mutable_gradEv")]
    [InlineData("_Znwm")]
    public void A_missing_function_is_named(string function)
    {
        var error = Refused(new FakeLoader { MissingFunction = function }, TorchPlatform.Linux);

        Assert.Equal(TorchProblem.MissingFunction, error.Problem);
        Assert.Contains(function, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_message_is_one_line_that_says_what_to_do()
    {
        TorchUnavailableException[] errors =
        [
            Refused(new FakeLoader(), platform: null),
            Refused(new FakeLoader { MissingLibrary = "libtorch_cpu.so" }, TorchPlatform.Linux),
            Refused(new FakeLoader { Abi = 0 }, TorchPlatform.MacOs),
            Refused(new FakeLoader { MissingFunction = "malloc" }, TorchPlatform.Windows),
        ];

        Assert.All(errors, error => Assert.DoesNotContain('\n', error.Message));
        Assert.All(errors, error => Assert.Contains(';', error.Message));
    }

    private static TorchUnavailableException Refused(INativeLoader loader, TorchPlatform? platform, string? folder = null) =>
        Assert.Throws<TorchUnavailableException>(() => TorchBinding.Load(loader, platform, folder));

    /// <summary>A system on which everything is there but what the test takes away.</summary>
    private sealed class FakeLoader : INativeLoader
    {
        public ulong Abi { get; init; } = Abi210;

        public string? MissingLibrary { get; init; }

        public string? MissingFunction { get; init; }

        public nint Load(string pathOrName) => pathOrName == MissingLibrary ? throw new DllNotFoundException(pathOrName) : 1;

        public bool TryGetExport(nint library, string name, out nint address)
        {
            address = 1;
            return name != MissingFunction;
        }

        public ulong CallUInt64(nint address) => Abi;
    }
}
