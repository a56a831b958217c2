namespace P2PLearn.Node.Management;

/// <summary>What a node keeps and what its mesh has: the shape of <c>GET /models</c>.</summary>
/// <param name="Models">Models kept here, complete or not.</param>
/// <param name="Checkpoints">Checkpoints of the mesh, by run, the newest round first.</param>
public sealed record ModelListView(IReadOnlyList<ModelView> Models, IReadOnlyList<CheckpointSummaryView> Checkpoints);

/// <summary>A model that is kept here.</summary>
/// <param name="Root">Its name.</param>
/// <param name="Kind">Why it is kept: <c>checkpoint</c>, <c>pulled</c> or <c>pushed</c>.</param>
/// <param name="Run">Run id, 64 hex digits; null for none, and when the manifest is not here.</param>
/// <param name="Round">The round that it is the result of; 0 for none.</param>
/// <param name="Maker">Who signed it; empty when the manifest is not here.</param>
/// <param name="Bytes">Size of the model.</param>
/// <param name="Complete">All its blocks are here.</param>
public sealed record ModelView(string Root, string Kind, string? Run, uint Round, string Maker, long Bytes, bool Complete);

/// <summary>A checkpoint of the mesh.</summary>
/// <param name="Run">Run id, 64 hex digits.</param>
/// <param name="Round">The round.</param>
/// <param name="Peers">Members that announced theirs.</param>
/// <param name="IsNewest">The newest that enough members agree on.</param>
public sealed record CheckpointSummaryView(string Run, uint Round, int Peers, bool IsNewest);

/// <summary>A model or a run: the shape of <c>GET /models/{root-or-run}</c>. One of the two is null.</summary>
/// <param name="Model">What the root names.</param>
/// <param name="Run">What the run id names.</param>
public sealed record ModelShowView(ModelDetailsView? Model, ModelRunView? Run);

/// <summary>A model whose manifest is here.</summary>
/// <param name="Root">Its name.</param>
/// <param name="Kinds">Why it is kept; empty when nothing keeps it.</param>
/// <param name="Run">Run id, 64 hex digits; null for none.</param>
/// <param name="Round">The round that it is the result of; 0 for none.</param>
/// <param name="Maker">Who signed it.</param>
/// <param name="Dtype">What its bytes are, e.g. <c>float32</c>.</param>
/// <param name="Parameters">d, the number of floats.</param>
/// <param name="Bytes">Size of the model.</param>
/// <param name="LayoutHash">Hash of names and shapes, hex.</param>
/// <param name="Layout">The tensors in their order.</param>
/// <param name="Blocks">Different blocks.</param>
/// <param name="BlocksHere">How many of them are here.</param>
/// <param name="Parents">Roots of the models that it was made from.</param>
public sealed record ModelDetailsView(
    string Root,
    IReadOnlyList<string> Kinds,
    string? Run,
    uint Round,
    string Maker,
    string Dtype,
    int Parameters,
    long Bytes,
    string LayoutHash,
    IReadOnlyList<ModelTensorView> Layout,
    int Blocks,
    int BlocksHere,
    IReadOnlyList<string> Parents);

/// <summary>A tensor of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes, outermost first.</param>
public sealed record ModelTensorView(string Name, IReadOnlyList<int> Shape);

/// <summary>A run's newest checkpoint.</summary>
/// <param name="Run">Run id, 64 hex digits.</param>
/// <param name="Round">The round.</param>
/// <param name="Agreed">Enough members agree on it; false when it is only the newest that is known here.</param>
/// <param name="Roots">The models of all who made one, by peer id.</param>
/// <param name="Name">What the agreed checkpoint is called, see <see cref="CheckpointView.Name"/>; null without one.</param>
/// <param name="Standing">What members saw of each other's contributions, by peer id.</param>
public sealed record ModelRunView(
    string Run, uint Round, bool Agreed, IReadOnlyList<ModelRunRootView> Roots, string? Name, IReadOnlyList<PeerStandingView> Standing);

/// <summary>A member's model of a checkpoint.</summary>
/// <param name="Root">The model.</param>
/// <param name="Peer">Who made it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Accuracy">On the maker's test set, in [0, 1]; null when it is not known.</param>
/// <param name="Complete">All its blocks are here.</param>
public sealed record ModelRunRootView(string Root, string Peer, long Bytes, double? Accuracy, bool Complete);

/// <summary>How far a pull is: a line of the answer to <c>POST /models/{root-or-run}/pull</c>.</summary>
/// <param name="Type"><c>searching</c>, <c>fetching</c>, then <c>kept</c> or <c>failed</c> for each root; <c>done</c> ends a pull that has kept something.</param>
/// <param name="Root">Which model; empty in <c>done</c>.</param>
/// <param name="BytesDone">Bytes of it that are here.</param>
/// <param name="TotalBytes">Its size; 0 until it is known.</param>
/// <param name="BlocksDone">Blocks of it that are here.</param>
/// <param name="BlockCount">Its blocks; 0 until they are known.</param>
/// <param name="Providers">Peers that it comes from now.</param>
/// <param name="BytesPerSecond">What they bring together.</param>
/// <param name="Message">Why it failed, or what was done.</param>
public sealed record PullEventView(
    string Type,
    string Root,
    long BytesDone = 0,
    long TotalBytes = 0,
    int BlocksDone = 0,
    int BlockCount = 0,
    int Providers = 0,
    double BytesPerSecond = 0,
    string? Message = null);

/// <summary>The body of <c>POST /models/push</c>.</summary>
/// <param name="Path">Absolute path of a safetensors file on the node's machine.</param>
public sealed record PushRequest(string Path);

/// <summary>A file that became a model.</summary>
/// <param name="Root">Its name.</param>
/// <param name="Bytes">Size of the model.</param>
/// <param name="Parameters">d, the number of floats.</param>
/// <param name="Told">Nodes that were told that it is here.</param>
public sealed record ModelPushedView(string Root, long Bytes, int Parameters, int Told);
