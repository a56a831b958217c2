using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Nat.PortMapping.NatPmp;
using P2PLearn.Networking.Nat.PortMapping.Pcp;
using P2PLearn.Networking.Nat.PortMapping.Upnp;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Asks the home router for a public port, keeps it as long as this node runs, and gives it back.</summary>
/// <remarks>
/// Sources: RFC 6887 (PCP), RFC 6886 (NAT-PMP), UPnP IGD 1 and 2. IPv4 only: IPv6 has no ports to map.
/// Each default gateway is asked; one that grants is renewed at half the lease's life, checked every
/// <see cref="PortMapperOptions.CheckInterval"/>, and asked anew when it restarts; one that does not is asked again after
/// ever longer pauses. Safe for several threads. Owns its tasks and sockets.
/// </remarks>
public sealed class PortMapper : IAsyncDisposable
{
    private readonly PortMapperOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Action<Span<byte>> _fillRandom;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _networkChanged = new(0, 1);
    private readonly Dictionary<IPAddress, GatewayMapper> _gateways = [];
    private Task _running = Task.CompletedTask;
    private bool _started;
    private bool _disposed;
    private IReadOnlyList<PortMapping> _mappings = [];
    private string? _problem = MappingProblem.NotStarted;

    /// <summary>Makes a mapper that does nothing yet.</summary>
    /// <param name="options">Validated here.</param>
    /// <param name="time">Times everything.</param>
    /// <param name="loggers">For the log.</param>
    /// <exception cref="ArgumentException">Options that cannot work.</exception>
    public PortMapper(PortMapperOptions options, TimeProvider time, ILoggerFactory loggers)
        : this(options, time, loggers, RandomNumberGenerator.Fill)
    {
    }

    /// <inheritdoc cref="PortMapper(PortMapperOptions, TimeProvider, ILoggerFactory)"/>
    /// <param name="fillRandom">Fills a span with unguessable bytes.</param>
#pragma warning disable CS1573 // the other parameters come with the inherited text
    internal PortMapper(PortMapperOptions options, TimeProvider time, ILoggerFactory loggers, Action<Span<byte>> fillRandom)
#pragma warning restore CS1573
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        _options = options;
        _time = time;
        _log = loggers.CreateLogger<PortMapper>();
        _fillRandom = fillRandom;
    }

    /// <summary>Told after <see cref="Mappings"/> or <see cref="Problem"/> changed, a renewal included. Handlers may not block.</summary>
    public event Action? Changed;

    /// <summary>The mappings held now, whose external addresses are public; a snapshot.</summary>
    public IReadOnlyList<PortMapping> Mappings
    {
        get
        {
            lock (_lock)
            {
                return _mappings;
            }
        }
    }

    /// <summary>Why there is no mapping, in one plain line for the user; null while there is one.</summary>
    public string? Problem
    {
        get
        {
            lock (_lock)
            {
                return _problem;
            }
        }
    }

    /// <summary>A gateway's external address is private: there is another NAT behind it, such as the provider's.</summary>
    public bool IsBehindCarrierNat
    {
        get
        {
            lock (_lock)
            {
                return _gateways.Values.Any(g => g.IsBehindAnotherNat);
            }
        }
    }

    /// <summary>Starts to ask, in the background. Whatever goes wrong there ends up in <see cref="Problem"/> and the log.</summary>
    /// <param name="internalTcpPort">The port on which this node listens, 1 to 65535.</param>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public void Start(int internalTcpPort)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(internalTcpPort, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(internalTcpPort, ushort.MaxValue);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_started)
            {
                throw new InvalidOperationException("port mapping has been started already");
            }

            _started = true;
            if (!_options.EnablePcp && !_options.EnableNatPmp && !_options.EnableUpnp)
            {
                _problem = MappingProblem.SwitchedOff;
                return;
            }

            _running = Task.Run(() => RunAsync(internalTcpPort));
        }
    }

    /// <summary>Removes the mappings at the gateways, for at most <see cref="PortMapperOptions.ReleaseTimeout"/>, and ends.
    /// Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        await Task.WhenAll(_gateways.Values.Select(g => g.DisposeAsync().AsTask())).ConfigureAwait(false);
        lock (_lock)
        {
            _mappings = [];
            _problem = MappingProblem.NotStarted;
        }

        _stop.Dispose();
        _networkChanged.Dispose();
    }

    private async Task RunAsync(int port)
    {
        NetworkChange.NetworkAddressChanged += OnNetworkAddressChanged;
        try
        {
            await Task.WhenAll(ListenAsync(), WatchGatewaysAsync(port)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The way it is told to end.
        }
#pragma warning disable CA1031 // the last owner of this task: nobody above could catch it
        catch (Exception e)
#pragma warning restore CA1031
        {
            PortMappingLog.Unexpected(_log, e);
        }
        finally
        {
            NetworkChange.NetworkAddressChanged -= OnNetworkAddressChanged;
        }
    }

    private Task ListenAsync() => _options.AnnouncementPort == 0
        ? Task.CompletedTask
        : RestartAnnouncements.ListenAsync(_options, OnAnnounced, _log, _stop.Token);

    private async Task WatchGatewaysAsync(int port)
    {
        while (true)
        {
            _stop.Token.ThrowIfCancellationRequested();
            IReadOnlyList<IPAddress> gateways = _options.Gateways ?? DefaultGateways.Find(_options.MaxGateways);
            await FollowAsync([.. gateways.Take(_options.MaxGateways)], port).ConfigureAwait(false);
            using var pause = new Deadline(_options.GatewayInterval, _time, _stop.Token);
            try
            {
                await _networkChanged.WaitAsync(pause.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
            {
                // Time for the next look.
            }
        }
    }

    // One mapper for each gateway there is, none for one that has gone.
    private async Task FollowAsync(IReadOnlyList<IPAddress> gateways, int port)
    {
        List<GatewayMapper> gone = [];
        lock (_lock)
        {
            foreach (IPAddress gateway in _gateways.Keys.Except(gateways).ToList())
            {
                _gateways.Remove(gateway, out GatewayMapper? mapper);
                gone.Add(mapper!);
            }

            foreach (IPAddress gateway in gateways.Except(_gateways.Keys).ToList())
            {
                var context = new GatewayContext(gateway, _options, _time, _fillRandom, _log);
                _gateways.Add(gateway, new GatewayMapper(context, MakeClients, port, OnChanged));
            }
        }

        OnChanged();
        foreach (GatewayMapper mapper in gone)
        {
            await mapper.DisposeAsync().ConfigureAwait(false);
        }
    }

    private List<IGatewayClient> MakeClients(GatewayContext context)
    {
        List<IGatewayClient> clients = [];
        if (_options.EnablePcp)
        {
            clients.Add(new PcpClient(context));
        }

        if (_options.EnableNatPmp)
        {
            clients.Add(new NatPmpClient(context));
        }

        if (_options.EnableUpnp)
        {
            clients.Add(new UpnpClient(context));
        }

        return clients;
    }

    private void OnChanged()
    {
        bool isNews;
        lock (_lock)
        {
            List<PortMapping> mappings = [.. _gateways.Values.Select(g => g.Mapping).OfType<PortMapping>()];
            string? problem = mappings.Count > 0 ? null
                : _gateways.Count == 0 ? MappingProblem.NoGateway
                : string.Join("; ", _gateways.Values.Select(g => g.Problem).OfType<string>());
            if (problem == _problem && mappings.SequenceEqual(_mappings))
            {
                return;
            }

            isNews = problem != _problem && _gateways.Count == 0; // else the gateway's own mapper tells it
            _mappings = mappings;
            _problem = problem;
        }

        if (isNews)
        {
            PortMappingLog.NoMapping(_log, MappingProblem.NoGateway);
        }

        Raise();
    }

    private void Raise()
    {
        try
        {
            Changed?.Invoke();
        }
#pragma warning disable CA1031 // a handler's fault is not the mapping's
        catch (Exception e)
#pragma warning restore CA1031
        {
            PortMappingLog.Unexpected(_log, e);
        }
    }

    private void OnAnnounced(IPAddress sender)
    {
        GatewayMapper? mapper;
        lock (_lock)
        {
            _gateways.TryGetValue(sender, out mapper);
        }

        mapper?.Announced();
    }

    private void OnNetworkAddressChanged(object? sender, EventArgs e)
    {
        try
        {
            _networkChanged.Release();
        }
        catch (Exception ex) when (ex is SemaphoreFullException or ObjectDisposedException)
        {
            // A look is due already, or none is wanted any more.
        }
    }
}
