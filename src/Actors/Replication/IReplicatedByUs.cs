namespace P2PLearn.Actors.Replication;

/// <summary>Marks the closed set of types that <see cref="CrdtSerializer"/> writes and reads.</summary>
public interface IReplicatedByUs;
