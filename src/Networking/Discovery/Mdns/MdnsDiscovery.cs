using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>Finds peers on the local network by multicast DNS, and lets them find this node.</summary>
/// <remarks>
/// Source: libp2p specs, discovery/mdns. What is found is a stranger's word: that the peer is there, and who it is, shows when it is
/// dialled. Interfaces that come and go are noticed. Network errors are logged and made up for, never thrown. Safe for several threads.
/// Several may run on one machine and in one process, with one service name or several.
/// </remarks>
public sealed class MdnsDiscovery : IAsyncDisposable
{
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(1);
    private readonly MdnsOptions _options;
    private readonly Func<IReadOnlyList<Multiaddr>> _addresses;
    private readonly Func<IReadOnlyList<MdnsLink>?> _findLinks;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly long _started;
    private readonly MdnsState _state; // under _lock
    private readonly Lock _lock = new();
    private readonly OrderedEvents _events;
    private readonly Family[] _families = [new(AddressFamily.InterNetwork), new(AddressFamily.InterNetworkV6)];
    private readonly CancellationTokenSource _stop = new();

    // At most one signal: the loop looks at everything, however many things happened.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private IReadOnlyList<MdnsLink> _links = [];
    private TimeSpan _nextLook;
    private Task _run = Task.CompletedTask;
    private bool _isStarted;
    private bool _isDisposed;

    /// <summary>Prepares discovery; <see cref="Start"/> begins it.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="local">Who this node is.</param>
    /// <param name="addresses">Where it may be dialled now, the best first; asked before each answer, must not block or throw.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes the logger.</param>
    /// <exception cref="ArgumentException">Options that cannot work.</exception>
    public MdnsDiscovery(
        MdnsOptions options, PeerId local, Func<IReadOnlyList<Multiaddr>> addresses, TimeProvider time, ILoggerFactory loggers)
        : this(options, local, addresses, () => MdnsLinks.Find(options), time, loggers)
    {
    }

    /// <summary>For tests: with interfaces that come and go at will.</summary>
    internal MdnsDiscovery(
        MdnsOptions options,
        PeerId local,
        Func<IReadOnlyList<Multiaddr>> addresses,
        Func<IReadOnlyList<MdnsLink>?> findLinks,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        _options = options;
        _addresses = addresses;
        _findLinks = findLinks;
        _time = time;
        _log = loggers.CreateLogger<MdnsDiscovery>();
        _events = new OrderedEvents(e => MdnsLog.HandlerFailed(_log, e));
        _started = time.GetTimestamp();
        string name = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", MdnsState.PeerNameLength);
        _state = new MdnsState(options, local, name, new Random(RandomNumberGenerator.GetInt32(int.MaxValue)));
    }

    /// <summary>A peer says that it is on the local network: for the first time, with other addresses than before, or again since half
    /// the life of its last report is over. A peer on two interfaces is told for each.</summary>
    /// <remarks>The addresses lack the trailing peer id; there is at least one, and all begin with an IP address. Handlers are called one
    /// at a time, and must not block.</remarks>
    public event Action<PeerId, IReadOnlyList<Multiaddr>>? PeerFound;

    private TimeSpan Now => _time.GetElapsedTime(_started);

    /// <summary>Begins to ask and to answer. Once.</summary>
    /// <exception cref="InvalidOperationException">It has begun already.</exception>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public void Start()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_isStarted)
            {
                throw new InvalidOperationException("mDNS discovery has been started already");
            }

            _isStarted = true;
            Watch();
            _run = Task.Run(() => RunAsync(_stop.Token));
        }
    }

    /// <summary>Where this node may be dialled has changed: others are told unasked, at the pace of answers.</summary>
    public void AddressesChanged()
    {
        lock (_lock)
        {
            _state.Announce(Now);
        }

        Wake();
    }

    /// <summary>Takes leave of the others and closes the sockets. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        NetworkChange.NetworkAddressChanged -= OnNetworkChanged;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        await LeaveAsync().ConfigureAwait(false);
        foreach (Family family in _families)
        {
            family.Socket?.Dispose();
            await family.Receiving.ConfigureAwait(false);
        }

        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        ITimer timer = _time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await using ConfiguredAsyncDisposable ending = timer.ConfigureAwait(false);
        try
        {
            while (true)
            {
                LookIfDue(cancellationToken);
                TimeSpan due = await TickAsync(cancellationToken).ConfigureAwait(false);
                timer.Change(due > TimeSpan.Zero ? due : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
                await _wake.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    /// <summary>Sends what is due.</summary>
    /// <returns>The time until there is more to do.</returns>
    private async ValueTask<TimeSpan> TickAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Multiaddr> addresses = _addresses();
        IReadOnlyList<MdnsPacket> packets;
        lock (_lock)
        {
            packets = _state.Tick(Now, addresses);
        }

        foreach (MdnsPacket packet in packets)
        {
            await SendAsync(packet, cancellationToken).ConfigureAwait(false);
        }

        lock (_lock)
        {
            return (_state.NextDue is { } due && due < _nextLook ? due : _nextLook) - Now;
        }
    }

    private async ValueTask SendAsync(MdnsPacket packet, CancellationToken cancellationToken)
    {
        foreach (MdnsSocket socket in _families.Select(f => f.Socket).OfType<MdnsSocket>().Where(s => s.IsFor(packet.Link)))
        {
            try
            {
                await socket.SendAsync(packet.Link, packet.Bytes, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e)
            {
                MdnsLog.NotSent(_log, packet.Link.Name, e.Message);
            }
        }
    }

    /// <summary>Looks at the interfaces once an interval, and when the system says that one has changed.</summary>
    private void LookIfDue(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (Now < _nextLook)
            {
                return;
            }

            _nextLook = Now + _options.QueryInterval;
        }

        IReadOnlyList<MdnsLink> links = _findLinks() ?? _links;
        if (!links.Select(l => l.Index).SequenceEqual(_links.Select(l => l.Index)))
        {
            MdnsLog.Links(_log, links.Count == 0 ? "no interface" : string.Join(", ", links.Select(l => l.Name)));
        }

        _links = links;
        foreach (Family family in _families)
        {
            OpenOnce(family, links, cancellationToken);
            family.Socket?.Join(links, (link, e) => MdnsLog.NotJoined(_log, link.Name, e.Message));
        }

        lock (_lock)
        {
            _state.SetLinks(links, Now);
        }
    }

    private void OpenOnce(Family family, IReadOnlyList<MdnsLink> links, CancellationToken cancellationToken)
    {
        bool isWanted = links.Any(l => family.IsIPv4 ? l.HasIPv4 : l.HasIPv6);
        if (!isWanted || family.Socket is not null)
        {
            return;
        }

        try
        {
            MdnsSocket socket = MdnsSocket.Open(family.Kind, _options.Port);
            family.Socket = socket;
            family.IsFailureTold = false;
            family.Receiving = Task.Run(() => ReceiveAsync(socket, cancellationToken), CancellationToken.None);
        }
        catch (SocketException e)
        {
            if (!family.IsFailureTold)
            {
                family.IsFailureTold = true;
                MdnsLog.NotOpened(_log, family.IsIPv4 ? "IPv4" : "IPv6", _options.Port, e.Message);
            }
        }
    }

    private async Task ReceiveAsync(MdnsSocket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[DnsReader.MaxPacketBytes];
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                (int index, IPAddress source, int bytes) = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
                Take(index, source, buffer.AsMemory(0, bytes));
            }
            catch (SocketException e)
            {
                MdnsLog.NotReceived(_log, e.Message);
                await PauseAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Take(int index, IPAddress source, ReadOnlyMemory<byte> packet)
    {
        MdnsReceipt receipt;
        lock (_lock)
        {
            receipt = _state.Receive(index, source, packet, Now);
            if (receipt.Announcement is { } found)
            {
                _events.Post(() => PeerFound?.Invoke(found.Peer, found.Addresses));
            }
        }

        switch (receipt.Outcome)
        {
            case MdnsOutcome.Query:
                Wake();
                break;
            case MdnsOutcome.Found:
                MdnsLog.Found(_log, receipt.Announcement!.Peer, index, receipt.Announcement.Addresses[0]);
                _events.Deliver();
                break;
            case >= MdnsOutcome.Malformed and not (MdnsOutcome.Own or MdnsOutcome.Throttled): // no line a packet of a flood
                MdnsLog.Refused(_log, source, receipt.Outcome);
                break;
        }
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(PauseAfterError, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it too.
        }
    }

    private async Task LeaveAsync()
    {
        IReadOnlyList<MdnsPacket> packets;
        lock (_lock)
        {
            packets = _state.Stop();
        }

        using var limit = new CancellationTokenSource(LeaveTimeout, _time);
        try
        {
            foreach (MdnsPacket packet in packets)
            {
                await SendAsync(packet, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // They learn of it when our answer's life ends.
        }
    }

    private void Watch()
    {
        try
        {
            NetworkChange.NetworkAddressChanged += OnNetworkChanged;
        }
        catch (NetworkInformationException)
        {
            // Then the look once an interval has to do.
        }
    }

    private void OnNetworkChanged(object? sender, EventArgs e)
    {
        lock (_lock)
        {
            TimeSpan soon = Now + LookDelay; // the addresses of an interface come one after the other
            _nextLook = soon < _nextLook ? soon : _nextLook;
        }

        Wake();
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>What is open of an address family; touched by the loop alone, and after its end.</summary>
    private sealed class Family(AddressFamily kind)
    {
        public AddressFamily Kind { get; } = kind;

        public bool IsIPv4 => Kind == AddressFamily.InterNetwork;

        /// <summary>Null while the port cannot be had; tried again at each look.</summary>
        public MdnsSocket? Socket { get; set; }

        public Task Receiving { get; set; } = Task.CompletedTask;

        public bool IsFailureTold { get; set; }
    }
}
