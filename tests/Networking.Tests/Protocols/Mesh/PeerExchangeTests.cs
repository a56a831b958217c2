using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class PeerExchangeTests
{
    [Fact]
    public async Task A_newcomer_hears_of_the_others_through_the_one_member_it_knows()
    {
        await using Place middle = await Place.ListenAsync(1, exchanges: true);
        await using Place first = await Place.ListenAsync(2, exchanges: true);
        await using Place second = await Place.ListenAsync(3, exchanges: true);
        await first.JoinAsync(middle);
        await second.JoinAsync(middle);

        await Within.UntilAsync(() => second.Heard.Contains(first.Id), "the second hears of the first");
        await second.Streams.AdmitAsync(first.Id, default).LimitAsync("the way to it is known");

        Assert.DoesNotContain(second.Id, second.Heard);
        Assert.DoesNotContain(middle.Id, second.Heard);
    }

    [Fact]
    public async Task Records_that_nobody_signed_and_torn_answers_are_left_aside()
    {
        await using Place liar = await Place.ListenAsync(1);
        await using Place node = await Place.ListenAsync(2, exchanges: true);
        using KeyPair real = KeyPair.FromSeed(TestPeers.Seed(60));
        byte[] good = new PeerRecord(real.PeerId, 1, [Multiaddr.Parse("/ip4/192.0.2.1/tcp/1")]).Seal(real).ToProtobuf();
        byte[] forged = [.. good];
        forged[^1] ^= 1;
        byte[] answer = [.. Framed(forged), .. Framed([1, 2, 3]), .. Framed([]), .. Framed(good), 0xff, 0xff, 1];
        liar.Rpc.Map(PeerExchange.Method, (_, _) => ValueTask.FromResult(RpcPayload.Copy(answer)));

        await node.JoinAsync(liar);
        await Within.UntilAsync(() => node.Heard.Contains(real.PeerId), "the good record counts");

        Assert.Equal([real.PeerId], node.Heard);
        Assert.True(node.Swarm.TryGetPeerRecord(real.PeerId, out _));
    }

    [Fact]
    public void No_more_records_are_read_than_the_limit()
    {
        byte[] many = [.. Enumerable.Range(0, 500).SelectMany(_ => Framed([7]))];

        Assert.Equal(PeerExchange.MaxRecords, PeerExchange.Read(many).Count);
        Assert.Empty(PeerExchange.Read(new byte[] { 0xff }));
    }

    private static byte[] Framed(byte[] record) => [(byte)(record.Length >> 8), (byte)record.Length, .. record];
}
