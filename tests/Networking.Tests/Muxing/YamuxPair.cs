using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>Two sessions back to back, and what the laws need around them.</summary>
internal sealed class YamuxPair : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _deadline = new(Patience);

    public YamuxPair(YamuxOptions? options = null, int linkBytes = MemoryLink.DefaultBufferBytes, TimeProvider? time = null)
        : this(MemoryLink.CreatePair(linkBytes), options, time)
    {
    }

    public YamuxPair((ILink First, ILink Second) links, YamuxOptions? options = null, TimeProvider? time = null)
    {
        Client = YamuxSession.Start(links.First, isClient: true, options ?? YamuxOptions.Default, time ?? TimeProvider.System);
        Server = YamuxSession.Start(links.Second, isClient: false, options ?? YamuxOptions.Default, time ?? TimeProvider.System);
    }

    public YamuxSession Client { get; }

    public YamuxSession Server { get; }

    public CancellationToken Token => _deadline.Token;

    /// <summary>A stream from client to server, known to both.</summary>
    public async Task<(MuxedStream Client, MuxedStream Server)> OpenAsync()
    {
        MuxedStream client = await Client.OpenStreamAsync(Token);
        await client.WriteAsync(new byte[1], Token);
        MuxedStream server = (await Server.AcceptStreamAsync(Token))!;
        Assert.Equal(1, await server.ReadAsync(new byte[1], Token));
        return (client, server);
    }

    public static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Reads to the end.</summary>
    public static async Task<byte[]> ReadAllAsync(MuxedStream stream, CancellationToken token, int step = 64 * 1024)
    {
        var all = new MemoryStream();
        var buffer = new byte[step];
        int read;
        while ((read = await stream.ReadAsync(buffer, token)) > 0)
        {
            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    public static async Task ReadExactlyAsync(MuxedStream stream, Memory<byte> buffer, CancellationToken token)
    {
        while (buffer.Length > 0)
        {
            int read = await stream.ReadAsync(buffer, token);
            Assert.NotEqual(0, read);
            buffer = buffer[read..];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Client.DisposeAsync().AsTask(), Server.DisposeAsync().AsTask()).WaitAsync(Patience);
        _deadline.Dispose();
    }
}
