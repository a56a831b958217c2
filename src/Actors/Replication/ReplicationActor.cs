using Akka.Actor;
using Akka.DistributedData;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Registers;
using P2PLearn.Networking.Identity;
using static P2PLearn.Actors.Replication.ReplicationProtocol;
using Subscribe = P2PLearn.Actors.Replication.ReplicationProtocol.Subscribe;

namespace P2PLearn.Actors.Replication;

/// <summary>Puts this node's contributions into DistributedData and tells subscribers what comes out of it.</summary>
/// <remarks>
/// A thin shell: what is wanted and what is there lives in <see cref="ReplicationStore"/>, outside the actor system. When the system is rebuilt the
/// new replicator starts from what the store holds. Its mailbox takes local messages only.
/// </remarks>
public sealed class ReplicationActor : ReceiveActor
{
    /// <summary>Its name below <c>/user</c>.</summary>
    public const string ActorName = "replication";

    private static readonly TimeSpan UpdateLimit = TimeSpan.FromSeconds(5);
    private readonly ReplicationStore _store;
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private readonly HashSet<IActorRef> _subscribers = [];
    private readonly HashSet<string> _registers = new(StringComparer.Ordinal);

    /// <summary>Use <see cref="Props"/>.</summary>
    public ReplicationActor(ReplicationStore store)
    {
        _store = store;
        Receive<Follow>(follow => OnFollow(follow.Scope));
        Receive<Publish>(publish => OnPublish(publish.Contribution));
        Receive<Prune>(OnPrune);
        Receive<Subscribe>(subscribe => OnSubscribe(subscribe.Subscriber));
        Receive<GetContributions>(_ => Sender.Tell(new ContributionsChanged(ContributionSet.Bottom, _store.Contributions)));
        Receive<FollowRegister>(follow => FollowName(follow.Name));
        Receive<WriteRegister>(OnWriteRegister);
        Receive<Changed>(OnChanged);
        Receive<Stored>(OnStored);
        Receive<IGetResponse>(OnLook);
        Receive<IUpdateResponse>(_ => { }); // of writes without a requester
        Receive<Terminated>(ended => _subscribers.Remove(ended.ActorRef));
    }

    /// <summary>How to create the actor.</summary>
    /// <param name="store">The same that is among the <see cref="Membership.ClusterHostOptions.Setups"/> of the actor system.</param>
    public static Props Props(ReplicationStore store) => Akka.Actor.Props.Create(() => new ReplicationActor(store));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        for (int shard = 0; shard < ReplicationOptions.ShardCount; shard++)
        {
            _replicator.Tell(Dsl.Subscribe(ContributionsKey.Shards[shard], Self));
            ContributionSet content = _store.ShardContent(shard);
            if (!content.IsBottom)
            {
                Update(shard, set => set.With(content), null);
            }
        }

        foreach ((string name, LwwRegister<byte[]> register) in _store.Registers)
        {
            FollowName(name);
            UpdateRegister(name, register, null);
        }
    }

    private void OnFollow(ContributionScope scope)
    {
        _store.Scope = scope;
        foreach (ContributionsKey shard in ContributionsKey.Shards)
        {
            _replicator.Tell(Dsl.Get(shard, ReadLocal.Instance)); // what was there before it was wanted
        }
    }

    private void OnPublish(Contribution contribution)
    {
        int shard = ReplicationStore.ShardOf(contribution.Run, contribution.Peer);
        ContributionSet single = ContributionSet.Bottom.Add(contribution).State;
        ContributionMerge check = _store.ShardContent(shard).Merge(
            single, _store.Verifier, _store.Scope with { Limits = _store.Options.ShardLimits });
        ReplicationRefusal? refusal = check switch
        {
            { BadSignature: > 0 } => ReplicationRefusal.BadSignature,
            { OutOfScope: > 0 } => ReplicationRefusal.OutOfScope,
            { OverLimit: > 0 } => ReplicationRefusal.LimitReached,
            _ => null,
        };
        if (refusal is { } reason)
        {
            Sender.Tell(new PublishRefused(contribution, reason));
            return;
        }

        Update(shard, set => set.With(single), new Requester(Sender, contribution, null));
    }

    private void OnPrune(Prune prune)
    {
        _store.Prune(prune.Run, prune.Below);
        for (int shard = 0; shard < ReplicationOptions.ShardCount; shard++)
        {
            Update(shard, set => set.Set.RoundsOf(prune.Run).Any(round => round < prune.Below) ? set.Prune(prune.Run, prune.Below) : set, null);
        }
    }

    private void OnSubscribe(IActorRef subscriber)
    {
        _subscribers.Add(subscriber);
        Context.Watch(subscriber);
        subscriber.Tell(new ContributionsChanged(_store.Contributions, _store.Contributions));
        foreach ((string name, LwwRegister<byte[]> register) in _store.Registers)
        {
            subscriber.Tell(EventOf(name, register));
        }
    }

    private void OnWriteRegister(WriteRegister write)
    {
        if (!IsName(write.Name) || write.Value.Length > _store.Options.MaxRegisterBytes
            || (!_registers.Contains(write.Name) && _registers.Count >= _store.Options.MaxRegisters))
        {
            Sender.Tell(new RegisterRefused(write.Name, ReplicationRefusal.LimitReached));
            return;
        }

        FollowName(write.Name);
        LwwRegister<byte[]> register = _store.Write(write.Name, write.Value);
        TakeRegister(write.Name, register);
        UpdateRegister(write.Name, register, new Requester(Sender, null, write.Name));
    }

    private void OnChanged(Changed changed)
    {
        if (changed.Key is ContributionsKey && changed.Data is ReplicatedContributions contributions)
        {
            Take(contributions.Set);
        }
        else if (changed.Key is RegisterKey key && changed.Data is ReplicatedRegister register)
        {
            TakeRegister(key.Id[RegisterKey.Prefix.Length..], register.Register);
        }
    }

    private void OnLook(IGetResponse found)
    {
        if (found.IsFound && found.Key is ContributionsKey key)
        {
            Take(found.Get(key).Set);
        }
    }

    /// <summary>The replicator's answer to a write that somebody asked for.</summary>
    private void OnStored(Stored stored)
    {
        Requester requester = stored.Requester;
        if (requester.Contribution is { } contribution)
        {
            if (stored.IsSuccess)
            {
                Take(ContributionSet.Bottom.Add(contribution).State); // subscribers need not wait for the replicator's next notice
            }

            requester.Actor.Tell(stored.IsSuccess
                ? new Published(contribution)
                : new PublishRefused(contribution, ReplicationRefusal.NotStored));
        }
        else if (requester.Register is { } name)
        {
            requester.Actor.Tell(stored.IsSuccess ? new RegisterWritten(name) : new RegisterRefused(name, ReplicationRefusal.NotStored));
        }
    }

    private void Take(ContributionSet contributions)
    {
        ContributionSet added = _store.Take(contributions);
        if (!added.IsBottom)
        {
            Tell(new ContributionsChanged(added, _store.Contributions));
        }
    }

    private void TakeRegister(string name, LwwRegister<byte[]> register)
    {
        if (_store.Take(name, register) is { } changed)
        {
            Tell(EventOf(name, changed));
        }
    }

    private void Tell(object message)
    {
        foreach (IActorRef subscriber in _subscribers)
        {
            subscriber.Tell(message);
        }
    }

    private void FollowName(string name)
    {
        if (IsName(name) && _registers.Count < _store.Options.MaxRegisters && _registers.Add(name))
        {
            _replicator.Tell(Dsl.Subscribe(RegisterKey.Of(name), Self));
        }
    }

    private void Update(int shard, Func<ReplicatedContributions, ReplicatedContributions> modify, Requester? requester) =>
        Send(Dsl.Update(ContributionsKey.Shards[shard], ReplicatedContributions.Empty, WriteLocal.Instance, modify), requester);

    private void UpdateRegister(string name, LwwRegister<byte[]> register, Requester? requester) => Send(
        Dsl.Update(
            RegisterKey.Of(name),
            ReplicatedRegister.Empty,
            WriteLocal.Instance,
            old => old.Merge(new ReplicatedRegister(register))),
        requester);

    private void Send(object update, Requester? requester)
    {
        if (requester is null)
        {
            _replicator.Tell(update);
            return;
        }

        _replicator.Ask<IUpdateResponse>(update, UpdateLimit).PipeTo(
            Self, success: answer => new Stored(requester, answer.IsSuccessful), failure: _ => new Stored(requester, false));
    }

    private static RegisterChanged EventOf(string name, LwwRegister<byte[]> register) => new(
        name, register.Value, PeerId.TryFromBytes(register.Writer.Bytes, out PeerId? writer) ? writer : null, register.Timestamp);

    private static bool IsName(string? name) =>
        name is { Length: >= 1 and <= 40 } && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private sealed record Requester(IActorRef Actor, Contribution? Contribution, string? Register);

    private sealed record Stored(Requester Requester, bool IsSuccess);
}
