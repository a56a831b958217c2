using System.Runtime.Serialization;
using System.Text;
using Akka.Actor;
using Akka.Serialization;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Actors.Replication;

/// <summary>Bytes of our replicated types: deterministic, because digests are hashes of them, and a closed set of manifests.</summary>
/// <remarks>
/// <code>
/// C1  ReplicatedContributions   the canonical form of its ContributionSet
/// A1  ReplicatedAttestations    the canonical form of its AttestationSet
/// K1  ContributionsKey          its id in ASCII
/// K3  AttestationsKey           its id in ASCII, one of the shards'
/// </code>
/// Reading is where foreign data comes in: what <see cref="ReplicationStore"/> does not want, or what is not validly signed, is dropped here,
/// before the replicator sees it.
/// </remarks>
public sealed class CrdtSerializer : SerializerWithStringManifest
{
    /// <summary>Identifier on the wire; below 100 are the framework's.</summary>
    public const int Id = 21001;

    /// <summary>Longest key.</summary>
    public const int MaxKeyBytes = 64;

    private const string ContributionsManifest = "C1";
    private const string AttestationsManifest = "A1";
    private const string ContributionsKeyManifest = "K1";
    private const string AttestationsKeyManifest = "K3";

    private readonly ReplicationStore? _store;

    /// <summary>Called by Akka.</summary>
    public CrdtSerializer(ExtendedActorSystem system)
        : base(system)
    {
        ArgumentNullException.ThrowIfNull(system);
        _store = system.Settings.Setup.Get<ReplicationStore>() is { HasValue: true } store ? store.Value : null;
    }

    /// <inheritdoc/>
    public override int Identifier => Id;

    /// <inheritdoc/>
    public override string Manifest(object o) => o switch
    {
        ReplicatedContributions => ContributionsManifest,
        ReplicatedAttestations => AttestationsManifest,
        ContributionsKey => ContributionsKeyManifest,
        AttestationsKey => AttestationsKeyManifest,
        _ => throw new SerializationException($"{o?.GetType()} is none of our replicated types"),
    };

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => obj switch
    {
        ReplicatedContributions contributions => ContributionSetCodec.Encode(contributions.Set),
        ReplicatedAttestations attestations => AttestationSetCodec.Encode(attestations.Set),
        ContributionsKey key => Encoding.ASCII.GetBytes(key.Id),
        AttestationsKey key => Encoding.ASCII.GetBytes(key.Id),
        _ => throw new SerializationException($"{obj?.GetType()} is none of our replicated types"),
    };

    /// <inheritdoc/>
    /// <exception cref="SerializationException">Unknown manifest, too large, or no canonical form: the message is dropped.</exception>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (_store is null)
        {
            throw new SerializationException("this node replicates nothing");
        }

        return manifest switch
        {
            ContributionsManifest => ReadContributions(bytes, _store),
            AttestationsManifest => ReadAttestations(bytes, _store),
            ContributionsKeyManifest => new ContributionsKey(ReadKey(bytes)),
            AttestationsKeyManifest => AttestationsKey.Find(ReadKey(bytes)) ?? throw new SerializationException("no shard of attestations"),
            _ => throw new SerializationException("an unknown manifest of a replicated type"),
        };
    }

    private static ReplicatedContributions ReadContributions(byte[] bytes, ReplicationStore store)
    {
        ThrowIfLonger(bytes, ReplicationOptions.MaxEntryBytes);
        return ContributionSetCodec.TryDecode(bytes, store.Options.ShardLimits, out ContributionSet? set, out DecodeError error)
            ? ReplicatedContributions.Of(store.Filter(set).State)
            : throw new SerializationException($"a contribution set was refused: {error}");
    }

    private static ReplicatedAttestations ReadAttestations(byte[] bytes, ReplicationStore store)
    {
        ThrowIfLonger(bytes, ReplicationOptions.MaxEntryBytes);
        return AttestationSetCodec.TryDecode(bytes, store.Options.AttestationShardLimits, out AttestationSet? set, out DecodeError error)
            ? ReplicatedAttestations.Of(store.Filter(set))
            : throw new SerializationException($"a set of attestations was refused: {error}");
    }

    private static string ReadKey(byte[] bytes)
    {
        ThrowIfLonger(bytes, MaxKeyBytes);
        return Encoding.ASCII.GetString(bytes);
    }

    private static void ThrowIfLonger(byte[] bytes, int max)
    {
        if (bytes.Length > max)
        {
            throw new SerializationException($"a replicated value of {bytes.Length} bytes; {max} are allowed");
        }
    }
}
