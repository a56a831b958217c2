using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Tells the network what this node puts and provides, at once and again and again.</summary>
/// <remarks>That something is to be told is durable before anybody is: so it is taken up again after a crash. Safe for several threads.</remarks>
internal sealed class Announcer(KadClient client, Announcements announcements, IKadStorage storage, TimeProvider time)
{
    /// <summary>Values and keys that are told again.</summary>
    public int Count => announcements.Count;

    /// <inheritdoc cref="KadService.PutValueAsync"/>
    public async Task<KadPutResult> PutValueAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        if (client.Keep(key, value) is { } refused)
        {
            return refused;
        }

        var announcement = new Announcement(key.ToArray(), value.ToArray());
        announcements.Add(announcement);
        await storage.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await TellValueAsync(announcement, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="KadService.ProvideAsync"/>
    public async Task<int> ProvideAsync(Multihash key, CancellationToken cancellationToken)
    {
        var announcement = new Announcement(key.Bytes.ToArray(), null);
        announcements.Add(announcement);
        await storage.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await TellProviderAsync(announcement, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="KadService.StopProviding"/>
    public void StopProviding(Multihash key) => announcements.Remove(key.Bytes);

    /// <summary>Tells what is due. A value whose time is over, or of which its owner said something newer elsewhere, is dropped.</summary>
    public async Task TellDueAsync(CancellationToken cancellationToken)
    {
        foreach (Announcement due in announcements.Due(time.GetUtcNow()))
        {
            if (due.Value is not { } value)
            {
                await TellProviderAsync(due, cancellationToken).ConfigureAwait(false);
            }
            else if (client.Keep(due.Key, value) is null)
            {
                await TellValueAsync(due, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                announcements.Remove(due.Key.Span);
            }
        }
    }

    // What nobody was there to be told of stays due.
    private async Task<KadPutResult> TellValueAsync(Announcement announcement, CancellationToken cancellationToken)
    {
        KadPutResult result = await client.PutValueAsync(announcement.Key, announcement.Value!.Value, cancellationToken).ConfigureAwait(false);
        if (result.Asked > 0)
        {
            announcements.Told(announcement, time.GetUtcNow());
        }

        return result;
    }

    private async Task<int> TellProviderAsync(Announcement announcement, CancellationToken cancellationToken)
    {
        int told = await client.ProvideAsync(announcement.Multihash, cancellationToken).ConfigureAwait(false);
        if (told > 0)
        {
            announcements.Told(announcement, time.GetUtcNow());
        }

        return told;
    }
}
