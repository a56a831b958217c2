namespace P2PLearn.Actors.Monitoring;

/// <summary>Takes this node's events. Safe for several threads; never blocks and never throws.</summary>
public interface IEventSink
{
    /// <summary>Takes an event; the sink stamps its time.</summary>
    void Record(MeshEvent happened);
}
