namespace P2PLearn.Node.Management;

/// <summary>A checkpoint that a member has announced.</summary>
/// <param name="Run">The run id, 64 hex digits.</param>
/// <param name="Round">The round that it is the result of.</param>
/// <param name="Peer">Who made it.</param>
/// <param name="Root">Root of its model.</param>
/// <param name="Bytes">Size of the model.</param>
/// <param name="Accuracy">On the maker's test set, in [0, 1]; null when it did not measure.</param>
/// <param name="IsNewest">It belongs to the newest checkpoint of the run that enough members agree on.</param>
/// <param name="Name">Hash over makers and roots of that checkpoint, hex: nodes that show the same one name the same checkpoint. Null for others.</param>
public sealed record CheckpointView(
    string Run, uint Round, string Peer, string Root, long Bytes, double? Accuracy, bool IsNewest, string? Name = null);

/// <summary>What the members saw of one peer's contributions to a run: the median over those who attest counts of it.</summary>
/// <param name="Peer">Whose contributions.</param>
/// <param name="Observers">Members that attest counts of it.</param>
/// <param name="Kept">Rounds in which it was mixed.</param>
/// <param name="Rejected">Rounds in which the mixing rule left it out.</param>
/// <param name="Missing">Rounds in which it was not there in time.</param>
/// <param name="Refused">Rounds in which it failed a check.</param>
/// <param name="Equivocated">Rounds in which the peer signed two different ones.</param>
public sealed record PeerStandingView(string Peer, int Observers, long Kept, long Rejected, long Missing, long Refused, long Equivocated);
