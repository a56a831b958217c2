using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>What all hole punches of a node share.</summary>
/// <remarks>Safe for several threads.</remarks>
internal sealed class PunchContext(
    ISwarmNetwork network, DcutrOptions options, Func<IReadOnlyList<Multiaddr>> punchAddresses, AddressRule publicRule)
{
    private ImmutableArray<PunchAttempt> _attempts = [];

    /// <summary>The swarm.</summary>
    public ISwarmNetwork Network => network;

    /// <summary>Limits.</summary>
    public DcutrOptions Options => options;

    /// <summary>Which addresses count as public.</summary>
    public AddressRule PublicRule => publicRule;

    /// <summary>The clock.</summary>
    public TimeProvider Time => network.Time;

    /// <summary>Where it is logged.</summary>
    public ILogger Log { get; } = network.LoggerFactory.CreateLogger<HolePuncher>();

    /// <summary>Attempts that take links now.</summary>
    public int AttemptCount => _attempts.Length;

    /// <summary>A direct connection with a peer that is up now; null when there is none.</summary>
    public SwarmConnection? DirectConnectionWith(PeerId peer) =>
        network.ConnectionsOf(peer).FirstOrDefault(c => !c.IsRelayed && !c.IsClosing);

    /// <summary>What a peer is told of us, now.</summary>
    public IReadOnlyList<Multiaddr> OwnAddresses() => PunchAddresses.ToTell(
        punchAddresses(),
        network.LocalAddresses.Sourced.Where(a => a.Source == AddressSource.Listen).Select(a => a.Address),
        publicRule,
        options.MaxAddresses);

    /// <summary>From here on accepted links may be this attempt's.</summary>
    public void Add(PunchAttempt attempt) => ImmutableInterlocked.Update(ref _attempts, a => a.Add(attempt));

    /// <summary>Not any more. Harmless when repeated.</summary>
    public void Remove(PunchAttempt attempt) => ImmutableInterlocked.Update(ref _attempts, a => a.Remove(attempt));

    /// <summary>Gives an accepted link to the attempt that waits for exactly it, else to one that may.</summary>
    public bool Claim(ITransportLink link) =>
        !_attempts.IsEmpty
        && (_attempts.Any(a => a.TryClaim(link, PunchLinkOrigin.Expected))
            || _attempts.Any(a => a.TryClaim(link, PunchLinkOrigin.Nearby)));
}
