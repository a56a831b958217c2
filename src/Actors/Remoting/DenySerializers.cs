using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace P2PLearn.Actors.Remoting;

/// <summary>Stands where the framework registers a serializer that creates whatever the sender names. Refuses both ways.</summary>
/// <remarks>
/// The second line behind the firewall, and the first for messages nested in compressed ones. It also makes a forgotten binding
/// of a message of ours fail at once, when it is first sent.
/// </remarks>
public abstract class DenySerializer(ExtendedActorSystem system) : Serializer(system)
{
    private static long _denied;

    /// <summary>Refused payloads of all kinds in this process.</summary>
    public static long DeniedCount => Interlocked.Read(ref _denied);

    /// <inheritdoc/>
    public override bool IncludeManifest => false;

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) =>
        throw new SerializationException($"no serializer is bound for {obj?.GetType()}: bind it explicitly");

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, Type type)
    {
        Interlocked.Increment(ref _denied);
        throw new SerializationException($"a payload for serializer {Identifier} was refused");
    }
}

/// <summary>In place of the polymorphic JSON serializer, identifier 1.</summary>
public sealed class DenyJsonSerializer : DenySerializer
{
    /// <summary>Called by Akka.</summary>
    /// <param name="system">The actor system.</param>
    /// <param name="settings">The settings of the serializer that this one replaces; Akka looks for a constructor that takes them.</param>
    public DenyJsonSerializer(ExtendedActorSystem system, Config settings)
        : base(system) => ArgumentNullException.ThrowIfNull(settings);

    /// <inheritdoc/>
    public override int Identifier => 1;
}

/// <summary>In place of the protobuf serializer that finds types by name, identifier 2; nothing of ours or Akka's uses it.</summary>
public sealed class DenyProtobufSerializer(ExtendedActorSystem system) : DenySerializer(system)
{
    /// <inheritdoc/>
    public override int Identifier => 2;
}

/// <summary>In place of the serializer of remote deployment, identifier 3.</summary>
public sealed class DenyDaemonSerializer(ExtendedActorSystem system) : DenySerializer(system)
{
    /// <inheritdoc/>
    public override int Identifier => 3;
}

/// <summary>In place of the reliable-delivery serializer, identifier 36; its messages nest others and nothing of ours uses it.</summary>
public sealed class DenyDeliverySerializer(ExtendedActorSystem system) : DenySerializer(system)
{
    /// <inheritdoc/>
    public override int Identifier => 36;
}
