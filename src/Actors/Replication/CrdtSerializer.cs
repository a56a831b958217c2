using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;

namespace P2PLearn.Actors.Replication;

/// <summary>Bytes of our replicated types: deterministic, because digests are hashes of them, and a closed set of manifests.</summary>
public sealed class CrdtSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Identifier on the wire; below 100 are the framework's.</summary>
    public const int Id = 21001;

    /// <inheritdoc/>
    public override int Identifier => Id;

    /// <inheritdoc/>
    public override string Manifest(object o) => throw new SerializationException($"{o?.GetType()} is none of our replicated types");

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => throw new SerializationException($"{obj?.GetType()} is none of our replicated types");

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) => throw new SerializationException("an unknown manifest");
}
