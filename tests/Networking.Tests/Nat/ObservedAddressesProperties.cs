using System.Net;
using CsCheck;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;

namespace P2PLearn.Networking.Tests.Nat;

/// <summary>Whatever is said, in whatever order: what is held stays bounded, and the honest majority is heard.</summary>
public sealed class ObservedAddressesProperties
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPEndPoint Local = IPEndPoint.Parse("192.168.1.2:4001");
    private static readonly IPEndPoint Honest = IPEndPoint.Parse("11.8.8.8:4001");
    private static readonly AutoNatOptions Options = new() { MaxObservers = 16 };

    /// <summary>Attackers own two networks, each with many peers; some are dialled by us, some dial us.</summary>
    private static readonly Gen<Observation> Lie = Gen.Select(
        Gen.Int[0, 1], Gen.Int[1, 254], Gen.Int[1, 65_535], Gen.Bool, (net, host, port, inbound) => new Observation(
            1_000 + port,
            Local,
            new IPAddress([11, 66, (byte)net, (byte)host]),
            new IPEndPoint(new IPAddress([11, 67, (byte)(port % 3), 1]), port % 4 == 0 ? 6 : port),
            inbound,
            FromListenPort: true));

    [Fact]
    public void Lies_of_two_networks_never_outweigh_five_honest_observers() => Gen
        .Select(Lie.Array[0, 60], Lie.Array[0, 60])
        .Sample((before, after) =>
        {
            ObservedAddresses observed = Create();
            Array.ForEach(before, lie => observed.Add(lie, Start));
            foreach (Observation lie in before)
            {
                observed.Closed(lie.Connection, Start);
            }

            for (int i = 1; i <= 5; i++)
            {
                var word = new Observation(i, Local, new IPAddress([11, (byte)i, 0, 1]), Honest, false, true);
                Assert.Equal(ObservationVerdict.Taken, observed.Add(word, Start));
            }

            Array.ForEach(after, lie => observed.Add(lie, Start));
            Assert.Equal(Honest, observed.Candidates(Start)[0].EndPoint);
            Assert.Equal(NatMapping.EndpointIndependent, observed.Mapping(Start));
            Assert.Equal(Multiaddr.FromTcpEndPoint(Honest), observed.PunchAddresses(Start)[0]);
        }, iter: 300);

    [Fact]
    public void What_is_held_and_given_is_bounded_and_everything_expires() => Lie.Array[0, 200].Sample(lies =>
    {
        ObservedAddresses observed = Create();
        foreach (Observation lie in lies)
        {
            observed.Add(lie, Start);
            Assert.True(observed.Count <= Options.MaxObservers);
        }

        Assert.True(observed.Candidates(Start).Count <= Options.MaxObservedPerListen);
        Assert.True(observed.PunchAddresses(Start).Count <= Options.MaxObservedPerListen);
        foreach (Observation lie in lies)
        {
            observed.Closed(lie.Connection, Start);
        }

        DateTimeOffset later = Start + Options.ObservationLifetime;
        Assert.Empty(observed.Candidates(later));
        Assert.Empty(observed.PunchAddresses(later));
        Assert.Equal(NatMapping.Unknown, observed.Mapping(later));
    }, iter: 300);

    private static ObservedAddresses Create()
    {
        var observed = new ObservedAddresses(Options, AddressRule.PublicInternet);
        observed.Listen([Multiaddr.FromTcpEndPoint(Local)]);
        return observed;
    }
}
