using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Topology;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>Whom a node of a mesh mixes: a topology over the participants that it knows, in the order of their ids.</summary>
/// <remarks>
/// Nodes that know the same participants have the same graph where it follows from the run's seed. Where the receiver alone decides (<see cref="ITopology.IsPulled"/>),
/// it follows from a secret of the node instead, another seed for each round: whoever knows the run and all earlier rounds does not know whom the node hears next, and
/// cannot change its chance by what it calls itself or by coming and going. Not safe for several threads.
/// </remarks>
public sealed class MeshNeighbourhood : INeighbourhood
{
    private readonly string _topology;
    private readonly Participant _self;
    private readonly ulong _seed;
    private readonly byte[] _secret;
    private (int Nodes, ITopology? Graph) _last;

    /// <summary>Creates it.</summary>
    /// <param name="topology">As <see cref="Topologies.Parse"/> reads it.</param>
    /// <param name="self">The node.</param>
    /// <param name="seed">The run's, for graphs on which both ends have to agree.</param>
    /// <param name="secret">For the others: known to this node only, and the same after a restart.</param>
    public MeshNeighbourhood(string topology, Participant self, ulong seed, ReadOnlyMemory<byte> secret) =>
        (_topology, _self, _seed, _secret) = (topology, self, seed, secret.ToArray());

    /// <summary>A node's secret for a run, 32 bytes: the hash of a signature that is shown to nobody and that only the private key can make.</summary>
    /// <param name="identity">The node's key, whose signatures are deterministic.</param>
    /// <param name="run">Another run has another secret.</param>
    public static byte[] DeriveSecret(KeyPair identity, RunId run)
    {
        ArgumentNullException.ThrowIfNull(identity);
        byte[] id = Encoding.ASCII.GetBytes("p2plearn-topology-secret-v1:" + run);
        return SHA256.HashData(identity.Sign(id));
    }

    /// <inheritdoc/>
    public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants)
    {
        ArgumentNullException.ThrowIfNull(participants);
        int own = IndexOf(participants);
        IReadOnlyList<int> sources = Graph(round, participants.Count).Sources(round, own);
        return sources.Count == participants.Count - 1 ? null : sources.Select(i => participants[i]).ToHashSet();
    }

    private int IndexOf(IReadOnlyList<Participant> participants)
    {
        for (int i = 0; i < participants.Count; i++)
        {
            if (participants[i] == _self)
            {
                return i;
            }
        }

        throw new ArgumentException($"{_self} is not among the participants", nameof(participants));
    }

    private ITopology Graph(int round, int nodes)
    {
        if (_last.Graph is not { IsPulled: false } graph || _last.Nodes != nodes)
        {
            graph = Topologies.ParseNearest(_topology, nodes, _seed);
            graph = graph.IsPulled ? Topologies.ParseNearest(_topology, nodes, OwnSeed(round)) : graph;
            _last = (nodes, graph); // kept: a graph may keep what it has made
        }

        return graph;
    }

    private ulong OwnSeed(int round)
    {
        Span<byte> message = stackalloc byte[sizeof(int)];
        Span<byte> seed = stackalloc byte[HMACSHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt32BigEndian(message, round);
        HMACSHA256.HashData(_secret, message, seed);
        return BinaryPrimitives.ReadUInt64BigEndian(seed);
    }
}
