using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

public sealed class AnnouncementsTests
{
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private readonly MemoryKadStorage _storage = new();

    [Fact]
    public void What_is_to_be_told_is_due_at_once_and_an_interval_after_it_was_told_until_it_is_taken_back()
    {
        Announcements announcements = New(max: 2);
        Announcement one = Provider(1), two = Provider(2);
        announcements.Add(one);
        announcements.Add(two);
        announcements.Add(Provider(3)); // one too many
        Assert.Equal([one, two], announcements.Due(Start));
        announcements.Told(one, Start);
        announcements.Told(two, Start.AddHours(1));
        Assert.Empty(announcements.Due(Start.AddHours(21)));
        Assert.Equal(one, Assert.Single(announcements.Due(Start.AddHours(22))));
        announcements.Told(one, Start.AddHours(22));
        announcements.Remove(two.Key.Span);
        Assert.Empty(announcements.Due(Start.AddHours(43)));
        announcements.Told(two, Start); // it ended while it was being told
        Assert.Equal(1, announcements.Count);
        Assert.Single(_storage.Load(KadTable.Announcements));
    }

    [Fact]
    public void A_newer_value_of_a_key_takes_the_place_of_the_older_and_is_due()
    {
        Announcements announcements = New();
        Announcement older = Signed(Start), newer = Signed(Start.AddMinutes(1));
        announcements.Add(older);
        announcements.Add(newer);
        announcements.Told(older, Start); // that was on its way
        Assert.Equal(newer, Assert.Single(announcements.Due(Start)));
    }

    [Fact]
    public void After_a_restart_providers_are_due_at_once_values_when_they_were_and_expired_ones_never()
    {
        Announcements before = New();
        Announcement value = Signed(Start, 7 * 24 * 3600);
        before.Add(value);
        before.Told(value, Start);
        Announcement provider = Provider(1);
        before.Add(provider);
        before.Told(provider, Start);
        _storage.Save(new KadStoredEntry(KadTable.Announcements, new byte[] { 1 }, new byte[] { 0xff })); // a torn one

        Announcements again = New(at: Start.AddHours(1));
        Assert.Equal(2, again.Count);
        Assert.Null(Assert.Single(again.Due(Start.AddHours(1))).Value);
        Assert.Equal(2, again.Due(Start.AddHours(22)).Count);
        Assert.Equal(2, _storage.Load(KadTable.Announcements).Count);

        Announcements late = New(at: Start.AddDays(7)); // the value is over
        Assert.Null(Assert.Single(late.Due(Start.AddDays(7))).Value);
        Assert.Single(_storage.Load(KadTable.Announcements));
    }

    [Fact]
    public void What_was_told_in_the_future_is_due_at_once()
    {
        Announcements before = New();
        Announcement value = Signed(Start, 7 * 24 * 3600);
        before.Add(value);
        before.Told(value, Start.AddYears(1)); // the clock was wrong then
        Assert.Single(New().Due(Start));
    }

    private static Announcement Provider(byte number) => new(Multihash.Sha256([number]).Bytes.ToArray(), null);

    private static Announcement Signed(DateTimeOffset issued, int seconds = 3600) => new(SignedSamples.Key, SignedSamples.Right(issued, seconds));

    private Announcements New(int max = 10, DateTimeOffset? at = null) =>
        new(new KadOptions { MaxAnnouncements = max }, _storage, at ?? Start);
}
