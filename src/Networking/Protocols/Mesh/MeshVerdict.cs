namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>How a proof ended.</summary>
/// <param name="Refusal">Why not; <see cref="AdmissionRefusal.None"/>: both sides admit each other.</param>
/// <param name="Text">Why not, one line about the peer ("it …") for a person.</param>
/// <param name="Penalty">The rule that the peer broke; <see cref="EndReason.None"/>: none, it is only another mesh's.</param>
internal sealed record MeshVerdict(AdmissionRefusal Refusal, string Text, EndReason Penalty = EndReason.None)
{
    /// <summary>Both sides have proven what the other asks for.</summary>
    public static readonly MeshVerdict Admitted = new(AdmissionRefusal.None, string.Empty);

    /// <summary>The deadline passed first.</summary>
    public static readonly MeshVerdict TimedOut = new(AdmissionRefusal.Timeout, "it did not answer in time");

    /// <summary>We were shown another key, or none.</summary>
    public static readonly MeshVerdict WrongKey =
        new(AdmissionRefusal.WrongKey, "it has another mesh key", EndReason.AuthenticationFailed);

    /// <summary>We do not want this peer.</summary>
    public static readonly MeshVerdict NotAllowed =
        new(AdmissionRefusal.NotOnAllowList, "it is not on this node's allow list");

    /// <summary>The peer is admitted.</summary>
    public bool IsAdmitted => Refusal == AdmissionRefusal.None;

    /// <summary>Trying again at once would end in the same way.</summary>
    public bool IsFirm => Refusal is not (AdmissionRefusal.None or AdmissionRefusal.Timeout);

    /// <summary>The names differ.</summary>
    public static MeshVerdict WrongMesh(string theirs, string ours) =>
        new(AdmissionRefusal.WrongMesh, $"it belongs to the mesh '{theirs}', this node to '{ours}'");

    /// <summary>The versions differ.</summary>
    public static MeshVerdict WrongVersion(string ours) =>
        new(AdmissionRefusal.WrongVersion, $"it runs another version of P2PLearn ({ours} expected)");

    /// <summary>The peer sent what it may not send.</summary>
    public static MeshVerdict Broke(EndReason rule) =>
        new(AdmissionRefusal.Malformed, "it does not keep to the admission protocol", rule);

    /// <summary>The peer refused us.</summary>
    /// <param name="refusal">Its reason, one that is on the wire.</param>
    /// <param name="ours">The version we run.</param>
    public static MeshVerdict ByRemote(AdmissionRefusal refusal, string ours) => refusal switch
    {
        AdmissionRefusal.WrongMesh => new(refusal, "it belongs to another mesh"),
        AdmissionRefusal.WrongVersion => WrongVersion(ours),
        AdmissionRefusal.WrongKey => new(refusal, "it has another mesh key"),
        AdmissionRefusal.NotOnAllowList => new(refusal, "this node is not on its allow list"),
        _ => new(AdmissionRefusal.Malformed, "it could not read what this node sent"),
    };
}
