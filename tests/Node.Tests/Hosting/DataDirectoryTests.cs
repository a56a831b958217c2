using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Tests.Hosting;

public sealed class DataDirectoryTests
{
    [Fact]
    public void A_second_node_is_kept_out()
    {
        using var folder = new TemporaryFolder();
        using (DataDirectory.Open(folder.Path))
        {
            var error = Assert.Throws<UserErrorException>(() => DataDirectory.Open(folder.Path));
            Assert.Contains("another node uses this data directory", error.Message, StringComparison.Ordinal);
        }

        using DataDirectory again = DataDirectory.Open(folder.Path);
        Assert.Equal(folder.Path, again.Root);
    }

    [Fact]
    public void The_token_is_made_once_and_is_the_owners_alone()
    {
        using var folder = new TemporaryFolder();
        using DataDirectory data = DataDirectory.Open(folder.Path);
        string token = data.GetOrCreateToken();
        Assert.Equal(64, token.Length);
        Assert.Equal(token, data.GetOrCreateToken());
        Assert.Equal(token, DataDirectory.ReadToken(folder.Path));
        if (!OperatingSystem.IsWindows())
        {
            UnixFileMode mode = File.GetUnixFileMode(Path.Combine(folder.Path, "management.token"));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode);
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_line()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "file");
        File.WriteAllText(file, "");
        Assert.Contains("cannot use this data directory", Assert.Throws<UserErrorException>(() => DataDirectory.Open(Path.Combine(file, "x"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_beyond_the_limit_is_not_read()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "key");
        File.WriteAllBytes(file, new byte[DataDirectory.MaxSecretBytes + 1]);
        Assert.Contains("too many", Assert.Throws<UserErrorException>(() => DataDirectory.ReadSecret(file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("identity.key")]
    [InlineData("mesh.key")]
    [InlineData("management.token")]
    [InlineData("management.port")]
    public void A_torn_temporary_file_of_a_killed_node_harms_nothing(string name)
    {
        using var folder = new TemporaryFolder();
        using DataDirectory data = DataDirectory.Open(folder.Path);
        string file = Path.Combine(folder.Path, name);
        byte[] first = Write(data, name);
        File.WriteAllText(file + ".new", "torn, and longer than what is written next: as kill -9 before the rename leaves it");
        Assert.Equal(first, File.ReadAllBytes(file));
        File.Delete(file);
        byte[] second = Write(data, name);
        Assert.Equal(second, File.ReadAllBytes(file));
        Assert.False(File.Exists(file + ".new"));
        Assert.NotEmpty(second);
    }

    [Fact]
    public void A_secret_that_cannot_be_written_is_one_line_that_names_it()
    {
        using var folder = new TemporaryFolder();
        using DataDirectory data = DataDirectory.Open(folder.Path);
        Directory.CreateDirectory(data.IdentityFile + ".new");
        var error = Assert.Throws<IOException>(() => IdentityFile.Create(data.IdentityFile));
        Assert.StartsWith(data.IdentityFile + ": cannot be written: ", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Write(DataDirectory data, string name)
    {
        switch (name)
        {
            case "identity.key":
                IdentityFile.LoadOrCreate(data.IdentityFile).Dispose();
                break;
            case "mesh.key":
                DataDirectory.WriteSecret(data.MeshKeyFile, "key"u8);
                break;
            case "management.token":
                data.GetOrCreateToken();
                break;
            default:
                data.WriteManagementPort(8558);
                break;
        }

        return File.ReadAllBytes(Path.Combine(data.Root, name));
    }
}
