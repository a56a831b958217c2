using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Tests.Replication;

/// <summary>This test program again, started by <see cref="ReplicationKillTests"/> to save own statements until it is killed.</summary>
/// <remarks>
/// It says on a line each what was acknowledged: <c>+N</c> its contribution of round N, <c>=N</c> its reputation of version N; and <c>-N</c> before it prunes
/// the rounds below N. It runs before the test platform starts, within the module's initializer: no code of this module may run on another thread.
/// </remarks>
internal static class ReplicationWriterProcess
{
    public const string Variable = "P2PLEARN_TEST_REPLICATION_WRITER";
    private const uint Kept = 12;

    [ModuleInitializer]
    internal static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path)
        {
            ReplicationStore store = new(new Ed25519Verifier())
            {
                Scope = ReplicationDatabaseTests.Scope(Contributions.Run),
            };
            WriteUntilKilled(ReplicationDatabase.Open(path, store, TimeProvider.System, NullLogger.Instance), store);
        }
    }

    private static void WriteUntilKilled(ReplicationDatabase database, ReplicationStore store)
    {
        for (uint round = store.Contributions.RoundsOf(Contributions.Run).LastOrDefault(); ; round++)
        {
            Contribution contribution = Contributions.Signed(0, round);
            Attestation reputation = Attestations.Signed(AttestationKind.Reputation, 0, round);
            Task<bool> first = database.SaveAsync(contribution);
            Task<bool> second = database.SaveAsync(reputation);
            Say('+', first.GetAwaiter().GetResult(), round);
            Say('=', second.GetAwaiter().GetResult(), round);
            store.Take(ContributionSet.Bottom.Add(contribution).State);
            store.Take(AttestationSet.Bottom.Add(reputation).State);
            if (round % Kept == 0 && round > Kept)
            {
                Say('-', true, round - Kept);
                store.Prune(Contributions.Run, round - Kept);
            }
        }
    }

    private static void Say(char what, bool saved, uint number)
    {
        if (saved)
        {
            Console.Out.WriteLine(what + number.ToString(CultureInfo.InvariantCulture));
            Console.Out.Flush();
        }
    }
}
