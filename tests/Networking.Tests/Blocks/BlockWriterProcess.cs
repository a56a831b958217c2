using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>This test program again, started by <see cref="BlockStoreKillTests"/> to write to a store until it is killed.</summary>
/// <remarks>
/// It says on a line each what was acknowledged: <c>+CID</c> a block, <c>=CID</c> a pin of that name; and <c>-CID</c> before it deletes a
/// block. It runs before the test platform starts, within the module's initializer: no code of this module may run on another thread.
/// </remarks>
internal static class BlockWriterProcess
{
    public const string Variable = "P2PLEARN_TEST_BLOCK_WRITER";
    private const int AtOnce = 4;

    [ModuleInitializer]
    internal static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder)
        {
            FileBlockStore store = FileBlockStore.OpenAsync(
                folder, new BlockStoreOptions(), TimeProvider.System, NullLoggerFactory.Instance, default).GetAwaiter().GetResult();
            WriteUntilKilled(store, new Random());
        }
    }

    private static void WriteUntilKilled(FileBlockStore store, Random random)
    {
        var blocks = new Block[AtOnce];
        var writing = new Task[AtOnce];
        while (true)
        {
            for (int i = 0; i < AtOnce; i++)
            {
                byte[] content = new byte[random.Next(1, 100_000)];
                random.NextBytes(content);
                blocks[i] = Block.Create(content);
                writing[i] = store.PutAsync(blocks[i], default).AsTask();
            }

            for (int i = 0; i < AtOnce; i++)
            {
                writing[i].GetAwaiter().GetResult();
                Say('+', blocks[i]);
            }

            store.PinAsync(blocks[0].Cid.ToString(), [blocks[0].Cid], default).AsTask().GetAwaiter().GetResult();
            Say('=', blocks[0]);
            Say('-', blocks[1]);
            store.DeleteAsync(blocks[1].Cid, default).AsTask().GetAwaiter().GetResult();
        }
    }

    private static void Say(char what, Block block)
    {
        Console.Out.WriteLine(what + block.Cid.ToString());
        Console.Out.Flush();
    }
}
