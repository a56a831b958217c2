using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Identity;
using P2PLearn.Node.Commands;
using P2PLearn.Node.Management;
using P2PLearn.Node.Tests.Hosting;

namespace P2PLearn.Node.Tests.Commands;

public sealed class ModelSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Of_a_run_it_is_the_median_of_the_makers_or_the_model_of_one()
    {
        await using ModelShelf shelf = await ModelShelf.OpenAsync(Path.Combine(_folder.Path, "blocks"));
        using KeyPair second = KeyPair.Generate();
        using KeyPair third = KeyPair.Generate();
        await shelf.AddAsync(ModelKeep.Checkpoint, 9, shelf.Maker, 1, 1, 1, 1, 1, 1, 1, 1);
        StoredModel picked = await shelf.AddAsync(ModelKeep.Pulled, 9, second, 2, 2, 2, 2, 2, 2, 2, 2);
        await shelf.AddAsync(ModelKeep.Pulled, 9, third, -1e30f, 1e30f, 3, 3, 3, 3, 3, float.NaN); // a malicious one
        await shelf.AddAsync(ModelKeep.Checkpoint, 8, shelf.Maker, 5, 5, 5, 5, 5, 5, 5, 5); // older
        var source = new ModelSource(shelf.Models);

        IReadOnlyList<string> all = await source.FindAsync("4f1c07", null, Token);
        Assert.Equal(3, all.Count);
        float[] median = (await source.ReadAsync(all, Token)).Parameters;
        Assert.Equal([1, 2, 2, 2, 2, 2, 2, 2], median);

        foreach (string maker in (string[])[second.PeerId.ToString(), second.PeerId.ToShortString()])
        {
            Assert.Equal([picked.Root.ToString()], await source.FindAsync("4f1c07", maker, Token));
        }

        Assert.Equal(2, (await source.ReadAsync([picked.Root.ToString()], Token)).Parameters[0]);
        Assert.Contains("names 0 makers of round 9", await RefusedAsync(source.FindAsync("4f1c07", "nobody", Token)), StringComparison.Ordinal);
        Assert.Contains("names 3 makers", await RefusedAsync(source.FindAsync("4f1c07", "12D3KooW", Token)), StringComparison.Ordinal);
        Assert.Contains("a root has one maker", await RefusedAsync(source.FindAsync(picked.Root.ToString(), "x", Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkpoint_of_which_nothing_is_here_has_to_be_pulled()
    {
        await using ModelShelf shelf = await ModelShelf.OpenAsync(Path.Combine(_folder.Path, "blocks"));
        shelf.Checkpoints = [new CheckpointView(ModelShelf.Run, 9, "Qm", "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", 32, null, true)];
        string said = await RefusedAsync(new ModelSource(shelf.Models).FindAsync("4f1c07", null, Token));
        Assert.Equal("no such model of round 9 is here; fetch it with 'p2plearn model pull 4f1c07'", said);
    }

    [Fact]
    public void An_even_number_of_models_has_the_mean_of_the_two_in_the_middle()
    {
        Assert.Equal([3f], ModelMedian.Of([[3f]]));
        Assert.Equal([4f], ModelMedian.Of([[3f], [5f]]));
        Assert.Equal([4f], ModelMedian.Of([[100f], [3f], [5f], [-100f]]));
    }

    [Fact]
    public void Tensors_in_another_order_are_the_same_model()
    {
        var swapped = new ModelLayout([new ParameterShape("b", [2]), new ParameterShape("w", [3, 2])]);
        float[] arranged = new float[8];
        Assert.True(KnownModels.TryArrange(swapped, [7, 8, 1, 2, 3, 4, 5, 6], ModelShelf.Layout, arranged));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], arranged);

        var other = new ModelLayout([new ParameterShape("b", [2]), new ParameterShape("w", [2, 3])]);
        Assert.False(KnownModels.TryArrange(other, new float[8], ModelShelf.Layout, arranged));
        Assert.Equal(1, arranged[0]);
    }

    private static async Task<string> RefusedAsync(Task act) => (await Assert.ThrowsAsync<UserErrorException>(() => act)).Message;
}
