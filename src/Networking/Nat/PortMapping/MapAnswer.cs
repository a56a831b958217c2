using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>What is asked of a gateway.</summary>
/// <param name="InternalPort">This node's TCP port.</param>
/// <param name="SuggestedPort">The external port that would be best: the same, or the one granted before.</param>
internal readonly record struct MapAsk(int InternalPort, int SuggestedPort);

/// <summary>What a gateway said to that.</summary>
internal abstract record MapAnswer
{
    /// <summary>The reason of a refusal that explains all others.</summary>
    public const string NoPublicAddress = "the gateway has no public address";

    private MapAnswer()
    {
    }

    /// <summary>The port is ours.</summary>
    /// <param name="ExternalAddress">The gateway's own public address.</param>
    /// <param name="ExternalPort">1 to 65535.</param>
    /// <param name="Lifetime">For how long to rely on it: at most <see cref="PortMapperOptions.MaxLifetime"/>.</param>
    /// <param name="IsPermanent">The gateway itself never forgets it.</param>
    public sealed record Granted(IPAddress ExternalAddress, int ExternalPort, TimeSpan Lifetime, bool IsPermanent) : MapAnswer;

    /// <summary>It said no.</summary>
    /// <param name="Reason">A few plain words; nothing in it was chosen freely by the gateway.</param>
    public sealed record Refused(string Reason) : MapAnswer;

    /// <summary>Nothing valid came in time.</summary>
    public sealed record Silent : MapAnswer;
}

/// <summary>What became of a mapping.</summary>
internal enum CheckVerdict
{
    /// <summary>No answer, or none that says anything.</summary>
    Unknown,

    /// <summary>As far as can be seen it is still there.</summary>
    Kept,

    /// <summary>The gateway has lost it, or this machine has another address now.</summary>
    Lost,
}

/// <summary>The outcome of a look at a mapping.</summary>
/// <param name="Verdict">What became of it.</param>
/// <param name="ExternalAddress">The gateway's public address now; null when it was not learnt.</param>
internal readonly record struct CheckAnswer(CheckVerdict Verdict, IPAddress? ExternalAddress = null);
