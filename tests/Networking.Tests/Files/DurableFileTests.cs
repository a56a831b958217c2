using P2PLearn.Networking.Files;

namespace P2PLearn.Networking.Tests.Files;

public sealed class DurableFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-durable-").FullName;

    private string Name => Path.Combine(_folder, "name");

    [Fact]
    public void A_file_is_replaced_and_no_temporary_one_stays()
    {
        DurableFile.Replace(Name, "one"u8, ownerOnly: false);
        File.WriteAllText(Name + DurableFile.TemporarySuffix, "a torn one of an earlier life, longer than the next");
        DurableFile.Replace(Name, "two"u8, ownerOnly: false);
        Assert.Equal("two", File.ReadAllText(Name));
        Assert.Equal([Name], Directory.EnumerateFiles(_folder));
    }

    [Fact]
    public void A_secret_is_the_owners_alone_though_the_old_file_was_not()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no such permissions on Windows");
        File.WriteAllText(Name, "open to all");
        DurableFile.Replace(Name, "secret"u8, ownerOnly: true);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(Name));
    }

    [Fact]
    public void What_cannot_be_written_is_one_line_that_names_the_file_and_the_old_one_stays()
    {
        DurableFile.Replace(Name, "old"u8, ownerOnly: false);
        Directory.CreateDirectory(Name + DurableFile.TemporarySuffix);
        var error = Assert.Throws<IOException>(() => DurableFile.Replace(Name, "new"u8, ownerOnly: false));
        Assert.StartsWith(Name + ": cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(Name));
    }

    [Fact]
    public void A_full_disk_is_named_as_such_and_the_file_that_did_not_fit_takes_no_room()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/full is Linux's");
        File.WriteAllText(Name, "old");
        File.CreateSymbolicLink(Name + DurableFile.TemporarySuffix, "/dev/full");
        var error = Assert.Throws<IOException>(() => DurableFile.Replace(Name, "new"u8, ownerOnly: false));
        Assert.Equal($"{Name}: cannot be written: the disk is full", error.Message);
        Assert.True(DurableFile.IsDiskFull(error));
        Assert.Equal("old", File.ReadAllText(Name));
        Assert.Equal([Name], Directory.EnumerateFiles(_folder));
    }

    [Fact]
    public void A_folder_that_is_not_there_cannot_be_flushed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "folders are not flushed on Windows");
        Assert.Throws<IOException>(() => DurableFile.SyncFolder(Path.Combine(_folder, "none")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
