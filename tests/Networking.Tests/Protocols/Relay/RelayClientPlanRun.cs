using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>A plan and its time. Relays are numbers; what the last step wanted done is in the lists.</summary>
internal sealed class RelayClientPlanRun
{
    private readonly Dictionary<PeerId, int> _numbers = [];

    public RelayClientPlanRun(RelayClientOptions options, int seed = 1)
    {
        Options = options;
        Plan = new ReservationPlan(options, new Random(seed));
    }

    public RelayClientOptions Options { get; }

    public ReservationPlan Plan { get; }

    public DateTimeOffset Now { get; private set; } = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    public IReadOnlyList<ReservationEffect> Effects { get; private set; } = [];

    /// <summary>Relays that the last step wanted asked.</summary>
    public int[] Asked => [.. Effects.OfType<ReservationEffect.Ask>().Select(e => Number(e.Relay))];

    /// <summary>Relays that the last step wanted connected.</summary>
    public int[] Connected => [.. Effects.OfType<ReservationEffect.Connect>().Select(e => Number(e.Relay))];

    public int[] Measured => [.. Effects.OfType<ReservationEffect.Measure>().Select(e => Number(e.Relay))];

    public bool Announced => Effects.OfType<ReservationEffect.Announce>().Any();

    /// <summary>Relays whose slots are told of, sorted.</summary>
    public int[] Held => [.. Plan.Reservations.Select(r => Number(r.Relay)).Order()];

    public TimeSpan? Wait => Plan.NextWake - Now;

    public static LinkLimit Limited { get; } = new(TimeSpan.FromMinutes(2), 131_072);

    public void Need(bool isNeeded = true) => Step(new ReservationEvent.NeedChanged(isNeeded));

    public void Up(int relay, int? milliseconds = null, string? network = null) => Step(new ReservationEvent.RelayUp(
        Id(relay), network, milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null));

    public void Down(int relay) => Step(new ReservationEvent.RelayDown(Id(relay)));

    public void Grant(int relay, LinkLimit? limit = null, TimeSpan? lifetime = null) => Step(
        new ReservationEvent.SlotGranted(Id(relay), Slot(relay, limit, lifetime)));

    public RelaySlot Slot(int relay, LinkLimit? limit = null, TimeSpan? lifetime = null) => new(
        Now + (lifetime ?? TimeSpan.FromHours(1)),
        [RelayedAddress.Through(Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001"), Id(relay))!],
        limit);

    public void Refuse(int relay, ReservationFailure failure = ReservationFailure.NoRoom) =>
        Step(new ReservationEvent.SlotRefused(Id(relay), failure));

    public void Pass(TimeSpan time)
    {
        Now += time;
        Step(new ReservationEvent.TimePassed());
    }

    /// <summary>Goes to the plan's next moment.</summary>
    public void Wake() => Pass(Wait!.Value);

    public void Step(ReservationEvent @event) => Effects = Plan.Step(@event, Now);

    public PeerId Id(int relay)
    {
        PeerId id = TestPeers.Id(relay);
        _numbers[id] = relay;
        return id;
    }

    /// <summary>Up, asked and granted.</summary>
    public void Hold(int relay, LinkLimit? limit = null, int? milliseconds = null, string? network = null)
    {
        Up(relay, milliseconds, network);
        Assert.Contains(relay, Asked);
        Grant(relay, limit);
    }

    private int Number(PeerId id) => _numbers.GetValueOrDefault(id, -1);
}
