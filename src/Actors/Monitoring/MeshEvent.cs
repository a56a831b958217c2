using System.Text.Json.Serialization;

namespace P2PLearn.Actors.Monitoring;

/// <summary>Something worth telling that happened at this node: what the event log, the live table and the tools are made of.</summary>
/// <remarks>Written as one JSON line each, with <c>event</c> first. Fields are only ever added. Peers are base58 peer ids.</remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(NodeStarted), "started")]
[JsonDerivedType(typeof(Listening), "listening")]
[JsonDerivedType(typeof(ReachabilityChanged), "reachability")]
[JsonDerivedType(typeof(PathChanged), "path")]
[JsonDerivedType(typeof(MembersChanged), "members")]
[JsonDerivedType(typeof(JoinBlocked), "join_blocked")]
[JsonDerivedType(typeof(SystemRebuilt), "rebuilt")]
[JsonDerivedType(typeof(PeerRefused), "peer_refused")]
[JsonDerivedType(typeof(RunStarted), "run_started")]
[JsonDerivedType(typeof(RoundCompleted), "round")]
[JsonDerivedType(typeof(FaultyTooSmall), "faulty_too_small")]
[JsonDerivedType(typeof(Attacked), "attacked")]
[JsonDerivedType(typeof(ContributionRefused), "contribution_refused")]
[JsonDerivedType(typeof(EquivocationFound), "equivocation")]
[JsonDerivedType(typeof(RunUnknown), "run_unknown")]
[JsonDerivedType(typeof(CheckpointMade), "checkpoint")]
[JsonDerivedType(typeof(CheckpointFailed), "checkpoint_failed")]
[JsonDerivedType(typeof(JoiningLate), "joining")]
[JsonDerivedType(typeof(JoinedLate), "joined")]
[JsonDerivedType(typeof(JoinFailed), "join_failed")]
[JsonDerivedType(typeof(Mirrored), "mirrored")]
[JsonDerivedType(typeof(RunFinished), "finished")]
[JsonDerivedType(typeof(NodeStopped), "stopped")]
[JsonDerivedType(typeof(TornLine), "torn_line")]
[JsonDerivedType(typeof(EventsDropped), "dropped")]
public abstract record MeshEvent
{
    /// <summary>When, UTC by this node's clock.</summary>
    public DateTimeOffset At { get; init; }
}

/// <summary>The process is up.</summary>
/// <param name="PeerId">This node.</param>
/// <param name="Version">The program's version.</param>
/// <param name="DataDir">Its data directory.</param>
/// <param name="ManagementPort">Port of the management endpoint on 127.0.0.1; 0 = none.</param>
public sealed record NodeStarted(string PeerId, string Version, string DataDir, int ManagementPort) : MeshEvent;

/// <summary>The node listens.</summary>
/// <param name="Address">Multiaddr that ends in /p2p/….</param>
public sealed record Listening(string Address) : MeshEvent;

/// <summary>Whether other nodes can dial this one has changed.</summary>
/// <param name="State"><c>reachable</c> (from everywhere), <c>relayed</c> (through relays) or <c>unreachable</c>.</param>
/// <param name="Text">One line for a person: where, or what would help.</param>
public sealed record ReachabilityChanged(string State, string Text) : MeshEvent;

/// <summary>The way to a peer has changed.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Path"><c>direct</c>, <c>reversed</c>, <c>punched</c> or <c>relayed</c>.</param>
/// <param name="Text">One line for a person.</param>
public sealed record PathChanged(string Peer, string Path, string Text) : MeshEvent;

/// <summary>The number of members that are up has changed.</summary>
/// <param name="Up">Members Up or WeaklyUp, this node included.</param>
/// <param name="Unreachable">Members that some member cannot reach.</param>
public sealed record MembersChanged(int Up, int Unreachable) : MeshEvent;

/// <summary>This node does not join yet, since it cannot reach live members, directly or over a relay: a pair that cannot talk would get healthy
/// members removed.</summary>
/// <param name="Peers">Those members.</param>
/// <param name="Reason">Why the first of them cannot be reached, in one line.</param>
public sealed record JoinBlocked(IReadOnlyList<string> Peers, string Reason) : MeshEvent;

/// <summary>The cluster had removed this node; it came back by itself.</summary>
/// <param name="Cause">Why the actor system had ended.</param>
public sealed record SystemRebuilt(string Cause) : MeshEvent;

/// <summary>A connection came to nothing for a reason that a person should know: wrong mesh, wrong key, other version.</summary>
/// <param name="Peer">The other node.</param>
/// <param name="Reason">One line.</param>
public sealed record PeerRefused(string Peer, string Reason) : MeshEvent;

/// <summary>This node begins to train, or goes on after a restart.</summary>
/// <param name="RunId">Hash of the run's settings, hex.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="Parameters">d.</param>
/// <param name="Rounds">Rounds of the whole run.</param>
/// <param name="Round">The round it begins with; above 1 after a restart.</param>
/// <param name="Images">Training images of this node.</param>
/// <param name="Aggregator">The mixing rule; null in logs of versions that did not tell.</param>
/// <param name="Topology">Whom each node mixes, "all" for everybody; null in logs of versions that did not tell.</param>
/// <param name="Guard">f', how many of them the rule guards against.</param>
public sealed record RunStarted(
    string RunId, string Model, int Parameters, int Rounds, int Round, int Images, string? Aggregator = null, string? Topology = null, int? Guard = null) : MeshEvent;

/// <summary>What became of one participant's contribution in one round.</summary>
/// <param name="Peer">Whose.</param>
/// <param name="Outcome"><c>kept</c>, <c>clipped</c> (farther than most, and left with less than half an equal share), <c>rejected</c> (no share), <c>missing</c>, <c>refused</c> (failed the checks) or <c>equivocated</c>.</param>
/// <param name="Distance">Euclidean distance to this node's own half-step model; null when it did not reach the rule or is not finite.</param>
/// <param name="Weight">Its share in the mixed model, in [0, 1].</param>
public sealed record CandidateOutcome(string Peer, string Outcome, double? Distance, double Weight);

/// <summary>A round is over at this node.</summary>
/// <param name="Round">Its number, from 1.</param>
/// <param name="Rounds">Rounds of the whole run.</param>
/// <param name="Mixed"><c>mixed</c>, <c>below-quorum</c>, <c>caught-up</c> (took over the others' newest models), <c>alone</c> (too few contributions) or <c>sat-out</c>.</param>
/// <param name="Loss">Mean training loss over the local steps; null when not finite, or when a mixing follows another and there were none.</param>
/// <param name="Accuracy">Accuracy on the first test images after mixing, in [0, 1]; null when not measured.</param>
/// <param name="Candidates">Every expected participant but this node.</param>
/// <param name="BytesIn">Model bytes received since the last round.</param>
/// <param name="BytesOut">Model bytes sent since the last round.</param>
/// <param name="TrainMilliseconds">Time of the local steps.</param>
/// <param name="WaitMilliseconds">Time from announcing to mixing.</param>
/// <param name="MixMilliseconds">Time of the mixing rule.</param>
/// <param name="WayGone">The share of the way to what the rule gave that the model has gone, when that was too far for its move limit; null else.</param>
public sealed record RoundCompleted(
    int Round,
    int Rounds,
    string Mixed,
    double? Loss,
    double? Accuracy,
    IReadOnlyList<CandidateOutcome> Candidates,
    long BytesIn,
    long BytesOut,
    double TrainMilliseconds,
    double WaitMilliseconds,
    double MixMilliseconds,
    double? WayGone = null) : MeshEvent;

/// <summary>A peer that looks like an outlier.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Rounds">Rounds of this node that were looked at and that it was in.</param>
/// <param name="Far">Of them those in which it was far out.</param>
/// <param name="Twin">Of them those in which another peer was at exactly its distance: two that send one vector, or one of them copied.</param>
/// <param name="Rejected">Of them those in which the rule gave it no share.</param>
public sealed record SuspectPeer(string Peer, int Rounds, int Far, int Twin, int Rejected);

/// <summary>More peers look like outliers, seen from this node, than the run guards against: f is declared too small. Nothing else changes.</summary>
/// <param name="Round">The round, from 1.</param>
/// <param name="Declared">f of the run.</param>
/// <param name="Suggested">The f that they call for.</param>
/// <param name="Rounds">Rounds that were looked at.</param>
/// <param name="Suspects">Those peers.</param>
public sealed record FaultyTooSmall(int Round, int Declared, int Suggested, int Rounds, IReadOnlyList<SuspectPeer> Suspects) : MeshEvent;

/// <summary>This node, an attacker, has sent its vector for a round.</summary>
/// <param name="Round">The round, from 1.</param>
/// <param name="Rounds">Rounds of the whole run.</param>
/// <param name="BytesIn">Model bytes received since the last one.</param>
/// <param name="BytesOut">Model bytes sent since the last one.</param>
public sealed record Attacked(int Round, int Rounds, long BytesIn, long BytesOut) : MeshEvent;

/// <summary>A contribution failed the checks and never reached the mixing rule.</summary>
/// <param name="Peer">Whose.</param>
/// <param name="Round">Its round.</param>
/// <param name="Reason">Which check: signature, layout, length, hash, finite, norm, window or membership.</param>
public sealed record ContributionRefused(string Peer, int Round, string Reason) : MeshEvent;

/// <summary>A peer signed two different contributions for one round; both are kept as proof.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Round">The round.</param>
public sealed record EquivocationFound(string Peer, int Round) : MeshEvent;

/// <summary>The run that this node is to join has not been heard of yet; it goes on waiting.</summary>
/// <param name="Wanted">First digits of its id.</param>
/// <param name="Known">The runs that the mesh knows, by their ids.</param>
public sealed record RunUnknown(string Wanted, IReadOnlyList<string> Known) : MeshEvent;

/// <summary>This node has stored its model of a round as blocks, and told the mesh of it.</summary>
/// <param name="Round">The round.</param>
/// <param name="Root">CID of the model.</param>
/// <param name="Bytes">Bytes of the model.</param>
/// <param name="Accuracy">As in the round's line.</param>
public sealed record CheckpointMade(int Round, string Root, long Bytes, double? Accuracy) : MeshEvent;

/// <summary>A checkpoint could not be stored; the run goes on without it.</summary>
/// <param name="Round">The round.</param>
/// <param name="Reason">One line.</param>
public sealed record CheckpointFailed(int Round, string Reason) : MeshEvent;

/// <summary>This node fetches the checkpoint of a run that is under way; told as it comes.</summary>
/// <param name="RunId">The run, hex.</param>
/// <param name="Round">The checkpoint's round.</param>
/// <param name="Models">Models fetched and to be fetched.</param>
/// <param name="BytesDone">Bytes that are here.</param>
/// <param name="TotalBytes">Bytes of all of them, as far as known.</param>
/// <param name="BytesPerSecond">Rate at which they come.</param>
public sealed record JoiningLate(string RunId, int Round, int Models, long BytesDone, long TotalBytes, double BytesPerSecond) : MeshEvent;

/// <summary>This node goes on from a checkpoint of the others.</summary>
/// <param name="RunId">The run, hex.</param>
/// <param name="Round">The checkpoint's round; it begins with the next one.</param>
/// <param name="Makers">Whose models it took the robust choice of.</param>
/// <param name="Bytes">Bytes of those models.</param>
/// <param name="Milliseconds">How long it took.</param>
public sealed record JoinedLate(string RunId, int Round, IReadOnlyList<string> Makers, long Bytes, double Milliseconds) : MeshEvent;

/// <summary>The checkpoint was not to be had; the node begins as if there were none, and catches up with what the others contribute.</summary>
/// <param name="RunId">The run, hex.</param>
/// <param name="Round">The checkpoint's round.</param>
/// <param name="Reason">One line.</param>
public sealed record JoinFailed(string RunId, int Round, string Reason) : MeshEvent;

/// <summary>This node, which does not train, keeps and serves the newest checkpoint of a run.</summary>
/// <param name="RunId">The run, hex.</param>
/// <param name="Round">The checkpoint's round.</param>
/// <param name="Roots">The models, all of their makers.</param>
public sealed record Mirrored(string RunId, int Round, IReadOnlyList<string> Roots) : MeshEvent;

/// <summary>The run is over at this node; the model lies in the data directory.</summary>
/// <param name="Rounds">Rounds done.</param>
/// <param name="Accuracy">Accuracy on all test images, in [0, 1]; null when the node has none.</param>
/// <param name="Loss">Loss on all test images; null when not finite or not measured.</param>
/// <param name="ModelFile">Where the model is.</param>
public sealed record RunFinished(int Rounds, double? Accuracy, double? Loss, string ModelFile) : MeshEvent;

/// <summary>The node has left the cluster and ends.</summary>
public sealed record NodeStopped : MeshEvent;

/// <summary>The line of the log before this one is torn: a crash or a power cut ended the writer within it.</summary>
/// <param name="Bytes">What there is of it.</param>
public sealed record TornLine(long Bytes) : MeshEvent;

/// <summary>Events are missing in the log from here back: the disk was full, or could not keep up.</summary>
/// <param name="Count">How many.</param>
public sealed record EventsDropped(long Count) : MeshEvent;
