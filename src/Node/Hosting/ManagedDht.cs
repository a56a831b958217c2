using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>The distributed hash table of a node as people use it: names, texts and CIDs instead of bytes.</summary>
internal sealed class ManagedDht(KadService kad, KeyPair identity, string protocol, TimeProvider time) : IManagedDht
{
    /// <summary>How long a value holds: one day more than it is told again.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(2);

    private const string Prefix = "/p2plearn/";

    /// <inheritdoc/>
    public DhtView View
    {
        get
        {
            KadStatus status = kad.Status;
            return new DhtView(
                status.IsServer, protocol, status.Peers, status.Records, status.RecordBytes, status.Providers, status.Announcements);
        }
    }

    /// <inheritdoc/>
    public async Task<DhtStoredView> PutAsync(string name, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        byte[] key;
        try
        {
            key = SignedValue.KeyOf(identity.PeerId, name);
        }
        catch (ArgumentException)
        {
            throw new UserErrorException($"'{name}' is no name for a value: it is empty or too long");
        }

        if (value.Length > SignedValue.MaxValueBytes)
        {
            throw new UserErrorException($"{value.Length} bytes are too many for a value; at most {SignedValue.MaxValueBytes}");
        }

        DateTimeOffset now = time.GetUtcNow();
        var signed = new SignedValue(key, (ulong)now.ToUnixTimeMilliseconds(), now, now + Lifetime, value);
        KadPutResult result = await KeptAsync(() => kad.PutValueAsync(key, signed.Seal(identity), cancellationToken));
        return new DhtStoredView($"{identity.PeerId}/{name}", result.Stored, result.Asked);
    }

    /// <inheritdoc/>
    public async Task<DhtValueView?> GetAsync(string key, CancellationToken cancellationToken)
    {
        string whole = key.StartsWith('/') ? key : Prefix + key;
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(whole);
        if (!SignedValue.TryGetOwner(bytes, out PeerId? owner))
        {
            throw new UserErrorException($"'{key}' is no key of a value; write PEER/NAME, as 'p2plearn dht put' printed it");
        }

        return await kad.GetValueAsync(bytes, cancellationToken) is { } found
            && SignedValue.TryOpen(bytes, found.Value.Span, out SignedValue? value) == RecordCheck.Valid
            ? new DhtValueView(whole, value!.Value.ToArray(), owner.ToString(), value.Sequence, value.Expires, found.Holders.Count, found.Hops)
            : null;
    }

    /// <inheritdoc/>
    public async Task<DhtStoredView> ProvideAsync(string cid, CancellationToken cancellationToken)
    {
        Multihash hash = HashOf(cid);
        int told = await KeptAsync(() => kad.ProvideAsync(hash, cancellationToken));
        return new DhtStoredView(cid, told, told);
    }

    /// <inheritdoc/>
    public async Task<DhtPeerView?> FindPeerAsync(string peer, CancellationToken cancellationToken)
    {
        if (!PeerId.TryParse(peer, out PeerId? id))
        {
            throw new UserErrorException($"'{peer}' is no peer id; it looks like 12D3KooW…");
        }

        IReadOnlyList<Multiaddr> addresses = await kad.FindPeerAsync(id, cancellationToken);
        return addresses.Count > 0 ? new DhtPeerView(id.ToString(), [.. addresses.Select(a => a.ToString())]) : null;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<DhtPeerView>> FindProvidersAsync(string cid, int max, CancellationToken cancellationToken)
    {
        List<DhtPeerView> found = [];
        await foreach (KadPeer provider in kad.FindProvidersAsync(HashOf(cid), max, cancellationToken))
        {
            found.Add(new DhtPeerView(provider.Peer.ToString(), [.. provider.Addresses.Select(a => a.ToString())]));
        }

        return found;
    }

    private static async Task<T> KeptAsync<T>(Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (IOException e)
        {
            throw new UserErrorException($"nobody was told, since this node cannot remember it: {e.Message}");
        }
    }

    private static Multihash HashOf(string cid) => Cid.TryParse(cid, out Cid? parsed)
        ? parsed.Hash
        : throw new UserErrorException($"'{cid}' is no CID; it looks like bafkrei…");
}
