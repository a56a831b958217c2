using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Rounds;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Rounds;

/// <summary>A run at this node with what serves it.</summary>
/// <param name="Context">The model and the models of the others.</param>
/// <param name="Contributions">Sends and gets models.</param>
/// <param name="Machine">Makes the rules of this node: honest or not.</param>
/// <param name="LateJoin">Takes over checkpoints of others; null for an attacker, and where models are not kept.</param>
internal sealed record LearningRun(RunContext Context, ContributionService Contributions, Func<IRoundMachine> Machine, LateJoin? LateJoin)
{
    public static async Task<LearningRun> CreateAsync(
        RunSettings settings,
        LearningOptions options,
        RunPlace place,
        TrainingThread thread,
        IPeerStreams streams,
        RpcEndpoint rpc,
        CancellationToken cancellationToken)
    {
        IModelAttack? attack = options.Attack is { } chosen ? AttackRegistry.Create(chosen.Name) as IModelAttack : null;
        Forger? forger = attack is null ? null : ForgerOf(attack, settings, options.Attack!.Accomplices.Count + 1);
        RunContext context = await RunContext.CreateAsync(settings, options.Data, place, thread, forger, cancellationToken);
        Participant self = context.Self.ToParticipant();
        byte[] secret = MeshNeighbourhood.DeriveSecret(place.Identity, context.Run);
        Func<IRoundMachine> machine = attack is null
            ? () => new RoundMachine(self, settings.ToRoundOptions(
                context.MinCandidates, settings.Topology is { } topology ? new MeshNeighbourhood(topology, self, settings.Seed, secret) : null))
            : () => new ByzantineRoundMachine(
                self,
                options.Attack!.Accomplices.Select(a => a.ToParticipant()),
                new ByzantineRoundOptions { Rounds = settings.Rounds, MaxWait = settings.MinDeadline });
        LateJoin? lateJoin = place.Library is { } library && attack is null ? new LateJoin(context, library, () => streams.ConnectedPeers) : null;
        return new LearningRun(context, new ContributionService(context, streams, rpc), machine, lateJoin);
    }

    private static Forger ForgerOf(IModelAttack attack, RunSettings settings, int byzantineCount)
    {
        IAggregator rule = settings.CreateRule();
        return (honest, result) => attack.Forge(new AttackKnowledge(honest, rule, byzantineCount), result);
    }
}
