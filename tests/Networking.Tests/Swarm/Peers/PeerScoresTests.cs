using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm.Peers;

public sealed class PeerScoresTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Every_reason_from_malformed_on_costs_and_none_before_it() =>
        Assert.All(
            Enum.GetValues<EndReason>(),
            reason => Assert.Equal(reason >= EndReason.MalformedMessage, PeerScores.WeightOf(reason) > 0));

    [Fact]
    public void A_score_falls_with_broken_rules_and_recovers_with_time()
    {
        PeerScores scores = Create();

        Assert.False(scores.Penalize(TestPeers.Id(1), EndReason.MalformedMessage));
        Assert.Equal(-20, scores.ScoreOf(TestPeers.Id(1)));
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(-10, scores.ScoreOf(TestPeers.Id(1)));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, scores.ScoreOf(TestPeers.Id(1)));
        Assert.Equal(0, scores.ScoreOf(TestPeers.Id(2)));
    }

    [Fact]
    public void A_ban_is_told_once_and_ends()
    {
        PeerScores scores = Create();
        Assert.False(scores.Penalize(TestPeers.Id(1), EndReason.AuthenticationFailed));
        Assert.True(scores.Penalize(TestPeers.Id(1), EndReason.AuthenticationFailed));
        Assert.False(scores.Penalize(TestPeers.Id(1), EndReason.AuthenticationFailed));
        Assert.True(scores.IsBanned(TestPeers.Id(1)));

        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.False(scores.IsBanned(TestPeers.Id(1)));
        Assert.Equal(-50, scores.ScoreOf(TestPeers.Id(1)));
        Assert.True(scores.Penalize(TestPeers.Id(1), EndReason.WindowExceeded)); // once more is enough now
    }

    [Fact]
    public void Nobodys_fault_is_not_even_remembered()
    {
        PeerScores scores = Create();

        Assert.False(scores.Penalize(TestPeers.Id(1), EndReason.Timeout));

        Assert.Equal(0, scores.Count);
    }

    [Fact]
    public void When_full_the_most_innocent_makes_room_and_the_banned_stay()
    {
        PeerScores scores = new(new PeerScoreOptions { MaxPeers = 2 }, _time);
        scores.Penalize(TestPeers.Id(1), EndReason.AuthenticationFailed);
        scores.Penalize(TestPeers.Id(1), EndReason.AuthenticationFailed);
        scores.Penalize(TestPeers.Id(2), EndReason.TooManyRequests);

        scores.Penalize(TestPeers.Id(3), EndReason.MalformedMessage);

        Assert.Equal(2, scores.Count);
        Assert.True(scores.IsBanned(TestPeers.Id(1)));
        Assert.Equal(0, scores.ScoreOf(TestPeers.Id(2)));
        Assert.Equal(-20, scores.ScoreOf(TestPeers.Id(3)));
    }

    private PeerScores Create() => new(new PeerScoreOptions(), _time);
}
