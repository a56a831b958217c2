using System.Net;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>The IPs that we have contacted, so that a NAT that filters by address lets them in: pure, the time comes in.</summary>
/// <remarks>When more are to be remembered than may be, everybody counts as contacted. Not safe for several
/// threads.</remarks>
/// <param name="memory">How long an IP is remembered after its last connection.</param>
internal sealed class Contacts(TimeSpan memory)
{
    /// <summary>IPs remembered.</summary>
    public const int MaxEntries = 4_096;

    private readonly Dictionary<IPAddress, (int Open, DateTimeOffset ClosedAt)> _contacts = [];
    private DateTimeOffset _blindUntil;

    /// <summary>IPs held.</summary>
    public int Count => _contacts.Count;

    /// <summary>We dial it, whatever comes of it: the first packet is enough for a NAT.</summary>
    public void Dialled(IPAddress ip, DateTimeOffset now) => Note(ip, 0, now);

    /// <summary>A connection that we dialled is up.</summary>
    public void Opened(IPAddress ip, DateTimeOffset now) => Note(ip, 1, now);

    /// <summary>It ended.</summary>
    public void Closed(IPAddress ip, DateTimeOffset now)
    {
        if (_contacts.TryGetValue(ip, out (int Open, DateTimeOffset ClosedAt) contact))
        {
            _contacts[ip] = (Math.Max(0, contact.Open - 1), now);
        }
    }

    /// <summary>Whether somebody at this IP could have got in because we had contacted it.</summary>
    public bool Knows(IPAddress ip, DateTimeOffset now) =>
        now < _blindUntil || (_contacts.TryGetValue(ip, out (int Open, DateTimeOffset ClosedAt) contact) && IsLive(contact, now));

    private void Note(IPAddress ip, int opened, DateTimeOffset now)
    {
        if (!_contacts.TryGetValue(ip, out (int Open, DateTimeOffset ClosedAt) contact) && !HasRoom(now))
        {
            _blindUntil = now + memory;
            return;
        }

        _contacts[ip] = (contact.Open + opened, now);
    }

    private bool IsLive((int Open, DateTimeOffset ClosedAt) contact, DateTimeOffset now) =>
        contact.Open > 0 || now - contact.ClosedAt < memory;

    private bool HasRoom(DateTimeOffset now)
    {
        if (_contacts.Count >= MaxEntries)
        {
            foreach ((IPAddress ip, (int Open, DateTimeOffset ClosedAt) contact) in _contacts)
            {
                if (!IsLive(contact, now))
                {
                    _contacts.Remove(ip);
                }
            }
        }

        return _contacts.Count < MaxEntries;
    }
}
