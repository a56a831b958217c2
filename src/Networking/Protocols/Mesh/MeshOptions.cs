using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Which mesh this node belongs to, whom it admits, and what strangers may cost it.</summary>
/// <remarks>
/// A key and an allow list both have to hold when both are given. With neither, the mesh is open: whoever names it is admitted.
/// </remarks>
public sealed record MeshOptions
{
    /// <summary>Longest mesh name.</summary>
    public const int MaxNameBytes = 64;

    /// <summary>Longest version text.</summary>
    public const int MaxVersionBytes = 32;

    /// <summary>The mesh's name: 1 to <see cref="MaxNameBytes"/> visible ASCII characters without ':'. Strangers may learn it.</summary>
    public required string Name { get; init; }

    /// <summary>What each member proves to know; null: no proof is asked for, nor can one be given.</summary>
    public MeshKey? Key { get; init; }

    /// <summary>The only peers that are admitted; null: no such limit.</summary>
    public IReadOnlyCollection<PeerId>? AllowedPeers { get; init; }

    /// <summary>The version of P2PLearn's protocols, the same on both sides: 1 to <see cref="MaxVersionBytes"/> visible ASCII characters.</summary>
    public string Version { get; init; } = "1.0.0";

    /// <summary>A whole proof, from the open stream to the verdict. Drips do not extend it.</summary>
    public TimeSpan ProofTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a stream of a peer that is not admitted yet waits for the proof before it is reset.</summary>
    public TimeSpan GuardTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long this node leaves a peer alone after a refusal; the peer itself may prove again.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Proofs with one peer, begun by either side, within <see cref="ProofWindow"/>; a success starts the count anew.</summary>
    public int MaxProofsPerPeer { get; init; } = 16;

    /// <summary>The time over which <see cref="MaxProofsPerPeer"/> counts.</summary>
    public TimeSpan ProofWindow { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Streams of one peer that wait for its admission at once; further ones are reset.</summary>
    public int MaxWaitingStreamsPerPeer { get; init; } = 64;

    /// <summary>Peers whose refusals and attempts are remembered; the one that would be forgotten first makes room.</summary>
    public int MaxRememberedPeers { get; init; } = 4_096;

    /// <summary>Checks what can be checked before anything starts.</summary>
    /// <exception cref="ArgumentException">A name, version or limit that cannot work.</exception>
    public void Validate()
    {
        ThrowUnless(IsName(Name), $"the mesh name '{Name}' must be 1 to {MaxNameBytes} visible ASCII characters without ':'");
        ThrowUnless(IsVersion(Version), $"the version '{Version}' must be 1 to {MaxVersionBytes} visible ASCII characters");
        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)[ProofTimeout, GuardTimeout, RetryPause, ProofWindow])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxProofsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxWaitingStreamsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRememberedPeers);
    }

    /// <summary>The name; never the key.</summary>
    public override string ToString() => $"mesh '{Name}'";

    internal static bool IsName(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= MaxNameBytes && !text.ContainsAnyExceptInRange('!', '~') && !text.Contains(':');

    internal static bool IsVersion(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= MaxVersionBytes && !text.ContainsAnyExceptInRange('!', '~');

    private static void ThrowUnless(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
