using P2PLearn.Actors.Monitoring;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>Says once, clearly, when the node becomes reachable, relayed or unreachable, and how the way to a peer changed.</summary>
internal sealed class NatReporter : IDisposable
{
    /// <summary>How long bad news are held back: a relay is often found a moment later.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Peers whose way is remembered, at most; beyond that it is forgotten, and told anew.</summary>
    private const int MaxPaths = 256;

    private readonly Dictionary<PeerId, string> _paths = [];
    private readonly NatService _nat;
    private readonly EventLog _events;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private string _told = "unknown";

    public NatReporter(NatService nat, EventLog events, TimeProvider time)
    {
        (_nat, _events) = (nat, events);
        _timer = time.CreateTimer(_ => Tell(_nat.Status), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        nat.Changed += OnChanged;
        nat.HolePunched += OnHolePunched;
    }

    public void Dispose()
    {
        _nat.Changed -= OnChanged;
        _nat.HolePunched -= OnHolePunched;
        _timer.Dispose();
    }

    private void OnChanged(NatStatus status)
    {
        if (NatAdvice.StateOf(status) == "unreachable")
        {
            _timer.Change(Patience, Timeout.InfiniteTimeSpan);
        }
        else
        {
            Tell(status);
        }
    }

    private void Tell(NatStatus status)
    {
        string state = NatAdvice.StateOf(status);
        lock (_lock)
        {
            if (state == _told || state == "unknown")
            {
                return;
            }

            _told = state;
        }

        _events.Record(new ReachabilityChanged(state, NatAdvice.LineOf(status)));
    }

    private void OnHolePunched(HolePunchReport report)
    {
        string? path = report.Outcome switch
        {
            HolePunchOutcome.Punched => "punched",
            HolePunchOutcome.Reversed => "reversed",
            HolePunchOutcome.AlreadyDirect => "direct",
            HolePunchOutcome.Failed or HolePunchOutcome.NoAddresses => "relayed",
            _ => null,
        };
        if (path is not null && IsNews(report.Peer, path))
        {
            _events.Record(new PathChanged(report.Peer.ToString(), path, report.Message));
        }
    }

    /// <summary>False when the same was told before: a punch that is tried again and again fails the same way.</summary>
    private bool IsNews(PeerId peer, string path)
    {
        lock (_lock)
        {
            if (_paths.GetValueOrDefault(peer) == path)
            {
                return false;
            }

            if (_paths.Count >= MaxPaths)
            {
                _paths.Clear();
            }

            _paths[peer] = path;
            return true;
        }
    }
}
