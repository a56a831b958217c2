using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Tests.Storage;

/// <summary>This test program again, started by <see cref="DurableTablesKillTests"/> to write to tables until it is killed.</summary>
/// <remarks>
/// Each step adds its number, with some bytes, to one table and replaces the only entry of another by it; then it says the number on a line. It
/// runs before the test platform starts, within the module's initializer: no code of this module may run on another thread.
/// </remarks>
internal static class TableWriterProcess
{
    public const string Variable = "P2PLEARN_TEST_TABLE_WRITER";

    /// <summary>Table of all steps: the id is the number.</summary>
    public const int Counted = 1;

    /// <summary>Table of the last step: the content is the number.</summary>
    public const int Last = 2;

    public static int NumberOf(StoredEntry entry) => BinaryPrimitives.ReadInt32BigEndian(entry.Id);

    [ModuleInitializer]
    internal static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path)
        {
            using DurableTables tables = DurableTables.Open(path);
            WriteUntilKilled(tables, new Random());
        }
    }

    private static void WriteUntilKilled(DurableTables tables, Random random)
    {
        for (int step = tables.Load(Counted).Count; ; step++)
        {
            byte[] number = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(number, step);
            tables.Apply([new TableChange(Counted, number, new byte[random.Next(0, 10_000)]), new TableChange(Last, new byte[] { 0 }, number)]);
            Console.Out.WriteLine(step);
            Console.Out.Flush();
        }
    }
}
