namespace P2PLearn.Actors.Membership;

/// <summary>What became of a membership operation.</summary>
public enum MembershipResult
{
    /// <summary>Under way; the change shows in the cluster's state.</summary>
    Accepted,

    /// <summary>This node is no member at present, so it cannot act.</summary>
    NotInCluster,

    /// <summary>That peer is no member.</summary>
    UnknownMember,

    /// <summary>The member is leaving, exiting or down already.</summary>
    AlreadyGoing,
}
