using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Multiformats;

/// <summary>A composable network address such as <c>/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…</c>.</summary>
/// <remarks>
/// Source: multiformats multiaddr. Binary: for each component its code as uvarint, then the value, behind a uvarint length when its size
/// is not fixed. Never empty. Equal when the bytes are. Immutable.
/// </remarks>
public sealed class Multiaddr : IEquatable<Multiaddr>
{
    /// <summary>Longest binary form accepted; a relayed address with two ids and certificate hashes stays under 300.</summary>
    public const int MaxBytes = 1024;

    /// <summary>Longest text accepted: base58 and percent-encoding stretch the bytes at most threefold.</summary>
    public const int MaxTextLength = 4096;

    private readonly byte[] _bytes;
    private readonly MultiaddrComponent[] _components;
    private string? _text;

    private Multiaddr(byte[] bytes, MultiaddrComponent[] components)
    {
        _bytes = bytes;
        _components = components;
    }

    /// <summary>The binary form.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The parts in order, at least one.</summary>
    public IReadOnlyList<MultiaddrComponent> Components => _components;

    /// <summary>The id of a trailing <c>/p2p/…</c>: whom one means to reach; null when the address names nobody.</summary>
    public PeerId? PeerId =>
        _components[^1] is { } last && last.Protocol == MultiaddrProtocol.P2P
            && PeerId.TryFromBytes(last.Bytes, out PeerId? peer)
            ? peer
            : null;

    /// <summary>Whether the way goes through a relay.</summary>
    public bool IsRelayed => Contains(MultiaddrProtocol.P2PCircuit);

    /// <summary>Reads an address that is all of the untrusted <paramref name="bytes"/>.</summary>
    /// <returns>False for no bytes, for an unknown code (skip that address), and for anything that is no address.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Multiaddr? address)
    {
        address = null;
        if (bytes.Length is 0 or > MaxBytes)
        {
            return false;
        }

        List<MultiaddrComponent> components = [];
        ReadOnlySpan<byte> rest = bytes;
        while (rest.Length > 0)
        {
            if (!TryReadComponent(ref rest, out MultiaddrComponent? component))
            {
                return false;
            }

            components.Add(component);
        }

        address = new Multiaddr(bytes.ToArray(), [.. components]);
        return true;
    }

    /// <summary>Reads the text form.</summary>
    /// <param name="text">What a person typed or a file said.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">One line for that person.</param>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out Multiaddr? address, [NotNullWhen(false)] out string? error)
    {
        address = null;
        if (!MultiaddrParser.TryParse(text ?? string.Empty, out List<MultiaddrComponent>? components, out error))
        {
            return false;
        }

        address = FromComponents([.. components]);
        if (address is null)
        {
            error = $"an address has at most {MaxBytes} bytes";
        }

        return address is not null;
    }

    /// <summary>Reads the text form.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Multiaddr? address) =>
        TryParse(text, out address, out _);

    /// <summary>Reads a text that the program itself wrote.</summary>
    /// <exception cref="FormatException">Not an address; the message says why.</exception>
    public static Multiaddr Parse(string text) =>
        TryParse(text, out Multiaddr? address, out string? error) ? address : throw new FormatException(error);

    /// <summary>The address of a TCP end point: <c>/ip4/…/tcp/…</c> or <c>/ip6/…/tcp/…</c>; mapped IPv4 becomes <c>ip4</c>.</summary>
    public static Multiaddr FromTcpEndPoint(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        IPAddress ip = endPoint.Address.IsIPv4MappedToIPv6 ? endPoint.Address.MapToIPv4() : endPoint.Address;
        byte[] port = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)endPoint.Port);
        MultiaddrProtocol family =
            ip.AddressFamily == AddressFamily.InterNetwork ? MultiaddrProtocol.IP4 : MultiaddrProtocol.IP6;
        return FromComponents([new(family, ip.GetAddressBytes()), new(MultiaddrProtocol.Tcp, port)])!;
    }

    /// <summary>Whether a component of this protocol is in the address.</summary>
    public bool Contains(MultiaddrProtocol protocol) => Array.Exists(_components, c => c.Protocol == protocol);

    /// <summary>The TCP end point of a plain TCP address; a trailing <c>/p2p/…</c> is allowed, any other layer is not.</summary>
    /// <param name="endPoint">An <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> for dns, dns4 and dns6: names are kept.</param>
    public bool TryToTcpEndPoint([NotNullWhen(true)] out EndPoint? endPoint)
    {
        endPoint = null;
        ReadOnlySpan<MultiaddrComponent> parts = _components;
        string? zone = parts[0].Protocol == MultiaddrProtocol.IP6Zone ? parts[0].Value : null;
        parts = zone is null ? parts : parts[1..];
        bool ends = parts.Length == 2 || (parts.Length == 3 && parts[2].Protocol == MultiaddrProtocol.P2P);
        if (!ends || parts[1].Protocol != MultiaddrProtocol.Tcp)
        {
            return false;
        }

        endPoint = ToEndPoint(parts[0], zone, BinaryPrimitives.ReadUInt16BigEndian(parts[1].Bytes));
        return endPoint is not null;
    }

    /// <summary>This address with <paramref name="inner"/> after it.</summary>
    /// <exception cref="ArgumentException">Longer than <see cref="MaxBytes"/>.</exception>
    public Multiaddr Encapsulate(Multiaddr inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        return FromComponents([.. _components, .. inner._components])
            ?? throw new ArgumentException($"an address has at most {MaxBytes} bytes", nameof(inner));
    }

    /// <summary>What goes before the last occurrence of <paramref name="inner"/>: this address when there is none, null when nothing does.</summary>
    public Multiaddr? Decapsulate(Multiaddr inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        for (int start = _components.Length - inner._components.Length; start >= 0; start--)
        {
            if (HasAt(start, inner._components))
            {
                return Prefix(start);
            }
        }

        return this;
    }

    /// <summary>What goes before the last component of <paramref name="protocol"/>: this address when there is none, null when nothing does.</summary>
    public Multiaddr? Decapsulate(MultiaddrProtocol protocol)
    {
        int start = Array.FindLastIndex(_components, c => c.Protocol == protocol);
        return start < 0 ? this : Prefix(start);
    }

    /// <summary>This address ending in <c>/p2p/</c> and <paramref name="peer"/>, in place of another trailing id.</summary>
    /// <exception cref="ArgumentException">Longer than <see cref="MaxBytes"/>.</exception>
    public Multiaddr WithPeerId(PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        int keep = _components[^1].Protocol == MultiaddrProtocol.P2P ? _components.Length - 1 : _components.Length;
        return FromComponents([.. _components.AsSpan(0, keep), new(MultiaddrProtocol.P2P, peer.Bytes.ToArray())])
            ?? throw new ArgumentException($"an address has at most {MaxBytes} bytes", nameof(peer));
    }

    /// <summary>This address without a trailing <c>/p2p/…</c>; null when nothing else is in it.</summary>
    public Multiaddr? WithoutPeerId() =>
        _components[^1].Protocol == MultiaddrProtocol.P2P ? Prefix(_components.Length - 1) : this;

    /// <summary>The text form.</summary>
    public override string ToString() => _text ??= string.Concat(_components.Select(c => c.ToString()));

    /// <inheritdoc/>
    public bool Equals(Multiaddr? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Multiaddr);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>Same bytes.</summary>
    public static bool operator ==(Multiaddr? left, Multiaddr? right) => Equals(left, right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(Multiaddr? left, Multiaddr? right) => !Equals(left, right);

    private static bool TryReadComponent(
        ref ReadOnlySpan<byte> rest, [NotNullWhen(true)] out MultiaddrComponent? component)
    {
        component = null;
        if (!Uvarint.TryRead(rest, out ulong code, out int used)
            || !MultiaddrProtocol.TryGet(code, out MultiaddrProtocol? protocol))
        {
            return false;
        }

        rest = rest[used..];
        if (protocol.FixedBytes is not { } size && !TryReadSize(ref rest, out size))
        {
            return false;
        }

        if (rest.Length < size || !MultiaddrValue.IsValid(protocol.Kind, rest[..size]))
        {
            return false;
        }

        component = new MultiaddrComponent(protocol, rest[..size].ToArray());
        rest = rest[size..];
        return true;
    }

    private static bool TryReadSize(ref ReadOnlySpan<byte> rest, out int size)
    {
        size = 0;
        if (!Uvarint.TryRead(rest, out ulong length, out int used) || length > (ulong)(rest.Length - used))
        {
            return false;
        }

        size = (int)length;
        rest = rest[used..];
        return true;
    }

    private static Multiaddr? FromComponents(MultiaddrComponent[] components)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>(64);
        foreach (MultiaddrComponent component in components)
        {
            Uvarint.Write(output, component.Protocol.Code);
            if (component.Protocol.FixedBytes is null)
            {
                Uvarint.Write(output, (ulong)component.Bytes.Length);
            }

            System.Buffers.BuffersExtensions.Write(output, component.Bytes);
        }

        return output.WrittenCount is > 0 and <= MaxBytes
            ? new Multiaddr(output.WrittenSpan.ToArray(), components)
            : null;
    }

    private static EndPoint? ToEndPoint(MultiaddrComponent host, string? zone, int port)
    {
        if (host.Protocol == MultiaddrProtocol.IP4 && zone is null)
        {
            return new IPEndPoint(new IPAddress(host.Bytes), port);
        }

        if (host.Protocol == MultiaddrProtocol.IP6)
        {
            string text = zone is null ? host.Value! : $"{host.Value}%{zone}";
            return IPAddress.TryParse(text, out IPAddress? ip) ? new IPEndPoint(ip, port) : null;
        }

        return (host.Protocol.Code, zone) switch
        {
            (53, null) => new DnsEndPoint(host.Value!, port),
            (54, null) => new DnsEndPoint(host.Value!, port, AddressFamily.InterNetwork),
            (55, null) => new DnsEndPoint(host.Value!, port, AddressFamily.InterNetworkV6),
            _ => null,
        };
    }

    private bool HasAt(int start, MultiaddrComponent[] parts)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            if (!_components[start + i].Same(parts[i]))
            {
                return false;
            }
        }

        return true;
    }

    private Multiaddr? Prefix(int count) => FromComponents(_components[..count]);
}
