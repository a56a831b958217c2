using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Which server to ask about which addresses, and when: pure, time and randomness come in.</summary>
/// <remarks>Not safe for several threads.</remarks>
/// <param name="options">Intervals, and how many at a time.</param>
/// <param name="random">A number from 0 to below its argument.</param>
internal sealed class ProbePlan(AutoNatOptions options, Func<int, int> random)
{
    private readonly HashSet<PeerId> _asking = [];
    private readonly Dictionary<PeerId, DateTimeOffset> _failures = [];

    /// <summary>Servers that are being asked.</summary>
    public int Asking => _asking.Count;

    /// <summary>The probes to begin now; each has to be reported by <see cref="Ended"/>.</summary>
    /// <param name="targets">What is to be tested, the most interesting first.</param>
    /// <param name="servers">Whom to ask.</param>
    /// <param name="now">The time.</param>
    /// <param name="next">When to look again at the latest.</param>
    public IReadOnlyList<Probe> Next(
        IReadOnlyList<ProbeTarget> targets, IReadOnlyList<ProbeServer> servers, DateTimeOffset now, out DateTimeOffset next)
    {
        Forget(servers, now);
        next = DateTimeOffset.MaxValue;
        List<Probe> probes = [];
        ProbeServer[] order = [.. servers.Where(s => !_asking.Contains(s.Peer)).OrderBy(_ => random(int.MaxValue))];
        foreach (ProbeServer server in order.OrderBy(s => HeardAt(targets, s)))
        {
            DateTimeOffset earliest = _failures.TryGetValue(server.Peer, out DateTimeOffset failed)
                ? failed + options.RetryInterval
                : DateTimeOffset.MinValue;
            List<ProbeTarget> due = [];
            foreach (ProbeTarget target in targets)
            {
                DateTimeOffset at = target.Tracker.DueAt(server.Ip, server.Since, target.WantsMore);
                at = at > earliest ? at : earliest;
                if (at <= now)
                {
                    due.Add(target);
                }
                else if (at < next)
                {
                    next = at;
                }
            }

            if (due.Count > 0 && HasRoom(due))
            {
                _asking.Add(server.Peer);
                probes.Add(new Probe(server, [.. due.Select(t => t.Address)]));
            }
        }

        return probes;
    }

    /// <summary>A probe is over.</summary>
    /// <param name="server">Who was asked.</param>
    /// <param name="failed">It gave no answer of use: it is left alone for a while.</param>
    /// <param name="now">When.</param>
    public void Ended(PeerId server, bool failed, DateTimeOffset now)
    {
        _asking.Remove(server);
        if (failed)
        {
            _failures[server] = now;
        }
        else
        {
            _failures.Remove(server);
        }
    }

    private static DateTimeOffset HeardAt(IReadOnlyList<ProbeTarget> targets, ProbeServer server) =>
        targets.Select(t => t.Tracker.HeardAt(server.Ip)).DefaultIfEmpty(DateTimeOffset.MinValue).Max();

    /// <summary>A verdict is refreshed by one server at a time; one that is wanted is looked for with several.</summary>
    private bool HasRoom(List<ProbeTarget> due)
    {
        bool isRefresh = due.TrueForAll(t => t.Tracker.Verdict != Nat.Reachability.Unknown);
        return _asking.Count < (isRefresh ? 1 : options.MaxProbesAtOnce);
    }

    private void Forget(IReadOnlyList<ProbeServer> servers, DateTimeOffset now)
    {
        HashSet<PeerId> here = [.. servers.Select(s => s.Peer)];
        foreach ((PeerId peer, DateTimeOffset failed) in _failures)
        {
            if (now - failed >= options.RetryInterval && !here.Contains(peer))
            {
                _failures.Remove(peer);
            }
        }
    }
}

/// <summary>A connected peer that can be asked.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Ip">Where we see it.</param>
/// <param name="SpeaksV2">Version 2, else version 1.</param>
/// <param name="Since">When it was identified.</param>
internal sealed record ProbeServer(PeerId Peer, IPAddress Ip, bool SpeaksV2, DateTimeOffset Since);

/// <summary>An address to be tested.</summary>
/// <param name="Address">IP and port.</param>
/// <param name="Tracker">What is known.</param>
/// <param name="WantsMore">More servers than the verdict takes should be heard.</param>
internal sealed record ProbeTarget(Multiaddr Address, ReachabilityTracker Tracker, bool WantsMore);

/// <summary>One request to one server.</summary>
/// <param name="Server">Whom.</param>
/// <param name="Addresses">About what; at least one.</param>
internal sealed record Probe(ProbeServer Server, IReadOnlyList<Multiaddr> Addresses);
