namespace P2PLearn.Crdt.Attestations;

/// <summary>What an attestation is about. The numbers are part of the wire format; others are refused by the codec.</summary>
public enum AttestationKind : byte
{
    /// <summary>The settings of a run; their SHA-256 is the run id.</summary>
    RunSettings = 1,

    /// <summary>A model that the peer keeps: where its training was, and how to fetch it.</summary>
    Checkpoint = 2,

    /// <summary>What the peer thinks of the others, from what it measured itself.</summary>
    Reputation = 3,
}
