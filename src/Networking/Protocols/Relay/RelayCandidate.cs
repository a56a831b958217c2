using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a <see cref="ReservationPlan"/> knows of one relay, or possible one.</summary>
/// <remarks>Changed by the plan only. Pure.</remarks>
/// <param name="peer">The relay.</param>
/// <param name="isConfigured">The settings name it: it is dialled, kept and preferred.</param>
internal sealed class RelayCandidate(PeerId peer, bool isConfigured)
{
    /// <summary>From where on a duration is <see cref="IsAmple"/>.</summary>
    public static readonly TimeSpan AmpleDuration = TimeSpan.FromHours(1);

    /// <summary>The relay.</summary>
    public PeerId Peer => peer;

    /// <summary>The settings name it.</summary>
    public bool IsConfigured => isConfigured;

    /// <summary>A direct connection is there and it relays.</summary>
    public bool IsUp { get; set; }

    /// <summary>Its network; null when unknown.</summary>
    public string? Network { get; set; }

    /// <summary>To it; null before the first measurement.</summary>
    public TimeSpan? RoundTrip { get; set; }

    /// <summary>A request for a slot is under way since then; null: none is.</summary>
    public DateTimeOffset? AskedAt { get; set; }

    /// <summary>Requests that failed since the last success.</summary>
    public int AskFailures { get; set; }

    /// <summary>Not asked before this.</summary>
    public DateTimeOffset AskAt { get; set; }

    /// <summary>An attempt to connect is under way.</summary>
    public bool IsConnecting { get; set; }

    /// <summary>Attempts to connect since it was up.</summary>
    public int ConnectAttempts { get; set; }

    /// <summary>Not connected to before this.</summary>
    public DateTimeOffset ConnectAt { get; set; }

    /// <summary>The slot that is held; only while <see cref="IsUp"/>.</summary>
    public RelaySlot? Slot { get; set; }

    /// <summary>When the slot was first granted.</summary>
    public DateTimeOffset Since { get; set; }

    /// <summary>When the slot is renewed.</summary>
    public DateTimeOffset RenewAt { get; set; }

    /// <summary>When a slot with limits is asked for a second time; null when that is done.</summary>
    public DateTimeOffset? LookAt { get; set; }

    /// <summary>The second look has been taken, or is planned, on this connection.</summary>
    public bool HasLooked { get; set; }

    /// <summary>The slot runs out: not announced and not renewed. Circuits are still taken.</summary>
    public bool IsLapsing { get; set; }

    /// <summary>The relay would not renew the slot: announced until it ends, but another one is sought.</summary>
    public bool IsFailing { get; set; }

    /// <summary>It was lost while its slot was in use.</summary>
    public bool IsWanted { get; set; }

    /// <summary>What it granted last; see <see cref="GrantedAt"/>.</summary>
    public LinkLimit? LastLimit { get; set; }

    /// <summary>When it last granted a slot; null: never.</summary>
    public DateTimeOffset? GrantedAt { get; set; }

    /// <summary>A request is under way.</summary>
    public bool IsAsking => AskedAt is not null;

    /// <summary>Its slot is one that others are told of.</summary>
    public bool IsInUse => Slot is not null && !IsLapsing;

    /// <summary>Its slot is one of those that we want to hold.</summary>
    public bool Counts => IsInUse && !IsFailing;

    /// <summary>When the slot is asked for again.</summary>
    public DateTimeOffset RefreshAt => LookAt ?? RenewAt;

    /// <summary>It may be asked for a slot now.</summary>
    public bool IsEligible(DateTimeOffset now) => IsUp && !IsAsking && !Counts && AskAt <= now;

    /// <summary>A limit that is none in practice: nothing better need be sought. Any number of bytes, for long enough that
    /// a new circuit now and then costs nothing.</summary>
    public static bool IsAmple(LinkLimit? limit) =>
        limit is null || (limit.Bytes is null && (limit.Duration ?? TimeSpan.MaxValue) >= AmpleDuration);

    /// <summary>Which of two limits lets more pass: above zero for the first.</summary>
    public static int Compare(LinkLimit? first, LinkLimit? second)
    {
        if (first is null || second is null)
        {
            return (first is null ? 1 : 0) - (second is null ? 1 : 0);
        }

        int bytes = (first.Bytes ?? long.MaxValue).CompareTo(second.Bytes ?? long.MaxValue);
        return bytes != 0
            ? bytes
            : (first.Duration ?? TimeSpan.MaxValue).CompareTo(second.Duration ?? TimeSpan.MaxValue);
    }
}
