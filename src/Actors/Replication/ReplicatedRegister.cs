using Akka.DistributedData;
using P2PLearn.Crdt.Registers;

namespace P2PLearn.Actors.Replication;

/// <summary>A small last-writer-wins register as Akka.DistributedData carries it.</summary>
/// <remarks>Any member can overwrite it: what it holds must be checked by whoever uses it. Immutable.</remarks>
/// <param name="register">The register.</param>
public sealed class ReplicatedRegister(LwwRegister<byte[]> register) : IReplicatedData<ReplicatedRegister>
{
    /// <summary>Never written.</summary>
    public static ReplicatedRegister Empty { get; } = new(LwwRegister<byte[]>.Bottom);

    /// <summary>The register.</summary>
    public LwwRegister<byte[]> Register { get; } = register;

    /// <inheritdoc/>
    public ReplicatedRegister Merge(ReplicatedRegister other)
    {
        ArgumentNullException.ThrowIfNull(other);
        LwwRegister<byte[]> joined = Register.Join(other.Register);
        return ReferenceEquals(joined, Register) ? this : new ReplicatedRegister(joined);
    }

    /// <inheritdoc/>
    public IReplicatedData Merge(IReplicatedData other) => Merge((ReplicatedRegister)other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ReplicatedRegister other && Register.Equals(other.Register);

    /// <inheritdoc/>
    public override int GetHashCode() => Register.GetHashCode();
}

/// <summary>The key of a register.</summary>
/// <param name="id">Its name, with <see cref="Prefix"/>.</param>
public sealed class RegisterKey(string id) : Key<ReplicatedRegister>(id)
{
    /// <summary>Begins the id of every register.</summary>
    public const string Prefix = "register-";

    /// <summary>The key of a register's name.</summary>
    public static RegisterKey Of(string name) => new(Prefix + name);
}
