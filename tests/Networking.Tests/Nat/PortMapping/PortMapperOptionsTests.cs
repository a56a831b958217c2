using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

public sealed class PortMapperOptionsTests
{
    private static readonly PortMapperOptions Good = new();

    public static TheoryData<string, PortMapperOptions> Bad => new()
    {
        { nameof(Good.Lifetime), Good with { Lifetime = TimeSpan.Zero } },
        { nameof(Good.UpnpLease), Good with { UpnpLease = TimeSpan.FromDays(8) } },
        { nameof(Good.MaxLifetime), Good with { MaxLifetime = TimeSpan.FromSeconds(1) } },
        { nameof(Good.FirstRetryPause), Good with { FirstRetryPause = TimeSpan.FromSeconds(-1) } },
        { nameof(Good.MaxTries), Good with { MaxTries = 0 } },
        { nameof(Good.MaxTries), Good with { MaxTries = 10 } },
        { nameof(Good.MaxSearchPause), Good with { MaxSearchPause = TimeSpan.FromSeconds(1) } },
        { nameof(Good.CheckInterval), Good with { CheckInterval = TimeSpan.Zero } },
        { nameof(Good.MaxGateways), Good with { MaxGateways = 0 } },
        { nameof(Good.MaxSsdpAnswerBytes), Good with { MaxSsdpAnswerBytes = 0 } },
        { nameof(Good.MaxDescriptionBytes), Good with { MaxDescriptionBytes = -1 } },
        { nameof(Good.MaxSoapAnswerBytes), Good with { MaxSoapAnswerBytes = 0 } },
        { nameof(Good.PcpPort), Good with { PcpPort = 65_536 } },
        { nameof(Good.AnnouncementPort), Good with { AnnouncementPort = -1 } },
    };

    [Fact]
    public void The_defaults_are_valid_and_a_search_takes_a_few_seconds()
    {
        Good.Validate();
        double silence = Enumerable.Range(0, Good.MaxTries).Sum(i => Good.FirstRetryPause.TotalSeconds * Math.Pow(2, i));
        Assert.InRange(Math.Max(silence, Good.SsdpTimeout.TotalSeconds), 1, 5);
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_cannot_work_is_refused(string what, PortMapperOptions options)
    {
        Exception? refusal = Record.Exception(options.Validate);
        Assert.True(refusal is ArgumentException, what);
    }
}
