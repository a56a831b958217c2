using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>Where a run takes place: this node's identity, folder, event log and clock.</summary>
/// <param name="Identity">Signs the contributions; not owned.</param>
/// <param name="ProgressFile">Written before each announcement.</param>
/// <param name="ModelFile">Written at the end.</param>
/// <param name="Events">Takes what happens.</param>
/// <param name="Traffic">Counts model bytes.</param>
/// <param name="Time">The clock.</param>
/// <param name="Log">Where log lines go.</param>
/// <param name="Library">Keeps checkpoints and fetches those of others; not owned. Null: this node has none of both.</param>
public sealed record RunPlace(
    KeyPair Identity,
    string ProgressFile,
    string ModelFile,
    IEventSink Events,
    ExchangeTraffic Traffic,
    TimeProvider Time,
    ILogger Log,
    ModelLibrary? Library = null);
