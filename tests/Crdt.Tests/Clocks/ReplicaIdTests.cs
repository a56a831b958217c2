using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Tests.Clocks;

public sealed class ReplicaIdTests
{
    [Fact]
    public void An_id_has_one_to_sixty_four_bytes()
    {
        Assert.False(ReplicaId.TryFromBytes([], out ReplicaId none));
        Assert.True(none.IsEmpty);
        Assert.True(ReplicaId.TryFromBytes(new byte[ReplicaId.MaxBytes], out ReplicaId longest));
        Assert.Equal(ReplicaId.MaxBytes, longest.Bytes.Length);
        Assert.False(ReplicaId.TryFromBytes(new byte[ReplicaId.MaxBytes + 1], out _));
        Assert.Throws<ArgumentException>(() => ReplicaId.FromBytes([]));
    }

    [Fact]
    public void Equality_and_order_are_those_of_the_bytes()
    {
        Assert.Equal(ReplicaId.FromText("a"), ReplicaId.FromBytes([0x61]));
        Assert.Equal(ReplicaId.FromText("a").GetHashCode(), ReplicaId.FromBytes([0x61]).GetHashCode());
        Assert.True(ReplicaId.FromBytes([0x7f]) < ReplicaId.FromBytes([0x80]));
        Assert.True(ReplicaId.FromBytes([1]) < ReplicaId.FromBytes([1, 0]));
        Assert.True(default(ReplicaId) < ReplicaId.FromBytes([0]));
        Assert.Equal("6162", ReplicaId.FromText("ab").ToString());
    }

    [Fact]
    public void The_bytes_are_copied()
    {
        byte[] bytes = [1, 2];
        ReplicaId id = ReplicaId.FromBytes(bytes);
        bytes[0] = 9;
        Assert.Equal("0102", id.ToString());
    }
}
