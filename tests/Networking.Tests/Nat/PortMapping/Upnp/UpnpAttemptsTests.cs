using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.Upnp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.Upnp;

/// <summary>What a gateway that said no is asked next.</summary>
public sealed class UpnpAttemptsTests
{
    private int _random = 30_000;

    [Fact]
    public void It_begins_with_the_port_suggested_and_a_lease_that_ends()
    {
        UpnpAttempts attempts = Attempts();
        Assert.Equal((4001, 3600u, false), (attempts.Port, attempts.Lease, attempts.AnyPort));
    }

    [Fact]
    public void Error_725_leads_to_a_permanent_lease_once()
    {
        UpnpAttempts attempts = Attempts();
        Assert.True(attempts.TryNext(UpnpError.OnlyPermanentLeasesSupported));
        Assert.Equal((4001, 0u), (attempts.Port, attempts.Lease));
        Assert.False(attempts.TryNext(UpnpError.OnlyPermanentLeasesSupported));
    }

    [Theory]
    [InlineData(UpnpError.ConflictInMappingEntry)]
    [InlineData(UpnpError.ConflictWithOtherMechanisms)]
    public void A_taken_port_leads_to_a_few_others(int error)
    {
        UpnpAttempts attempts = Attempts(maxPorts: 2);
        Assert.True(attempts.TryNext(error));
        Assert.Equal(30_000, attempts.Port);
        Assert.True(attempts.TryNext(error));
        Assert.Equal(30_001, attempts.Port);
        Assert.False(attempts.TryNext(error));
    }

    [Fact]
    public void Version_2_is_asked_for_any_port_first()
    {
        UpnpAttempts attempts = Attempts(findsPorts: true, maxPorts: 1);
        Assert.True(attempts.TryNext(UpnpError.ConflictInMappingEntry));
        Assert.Equal((4001, true), (attempts.Port, attempts.AnyPort));
        Assert.True(attempts.TryNext(401)); // it does not know the action
        Assert.Equal((30_000, false), (attempts.Port, attempts.AnyPort));
        Assert.False(attempts.TryNext(UpnpError.ConflictInMappingEntry));
    }

    [Fact]
    public void A_permanent_lease_stays_when_the_port_changes()
    {
        UpnpAttempts attempts = Attempts();
        attempts.TryNext(UpnpError.OnlyPermanentLeasesSupported);
        Assert.True(attempts.TryNext(UpnpError.ConflictInMappingEntry));
        Assert.Equal((30_000, 0u), (attempts.Port, attempts.Lease));
    }

    [Theory]
    [InlineData(606)]
    [InlineData(501)]
    [InlineData(724)]
    [InlineData(SoapCodec.NoCode)]
    public void Other_errors_are_the_end(int error) => Assert.False(Attempts().TryNext(error));

    [Fact]
    public void Whatever_a_gateway_says_it_is_asked_a_bounded_number_of_times()
    {
        int[] errors = [718, 725, 729, 401, 606, -1];
        Gen.Int[0, errors.Length - 1].Select(i => errors[i]).Array[50].Sample(sequence =>
        {
            UpnpAttempts attempts = Attempts(findsPorts: true, maxPorts: 4);
            Assert.InRange(sequence.TakeWhile(attempts.TryNext).Count(), 0, 6);
        });
    }

    [Fact]
    public void Every_error_has_words() =>
        Assert.All(Enumerable.Range(-1, 800), code => Assert.NotEmpty(UpnpError.Describe(code)));

    private UpnpAttempts Attempts(bool findsPorts = false, int maxPorts = 4) =>
        new(4001, 3600, findsPorts, maxPorts, () => _random++);
}
