using System.Globalization;
using Akka.Configuration;
using Akka.DistributedData;
using P2PLearn.Actors.Replication;

namespace P2PLearn.Actors.Remoting;

/// <summary>The one place where HOCON is written.</summary>
public static class AkkaConfig
{
    /// <summary>Builds the whole configuration of a node's actor system.</summary>
    /// <param name="roles">This node's roles, e.g. <c>trainer</c>.</param>
    /// <param name="appVersion">Version shown to the other members, e.g. <c>0.1.0</c>.</param>
    /// <param name="timings">How fast the cluster reacts.</param>
    /// <param name="transport">Limits of the transport.</param>
    /// <param name="rules">What peers may send; its actors' paths are trusted here too.</param>
    /// <exception cref="ArgumentException">A role or version with other characters than letters, digits, '.', '-' and '_'.</exception>
    public static Config Build(
        IReadOnlyCollection<string> roles,
        string appVersion,
        AkkaTimings timings,
        P2PTransportOptions transport,
        FirewallRules rules)
    {
        ArgumentNullException.ThrowIfNull(roles);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(timings);
        ArgumentNullException.ThrowIfNull(transport);
        timings.Validate();
        transport.Validate();
        foreach (string word in roles.Append(appVersion))
        {
            ThrowIfNoWord(word);
        }

        string text = Actor + Remote(timings, transport, rules) + Cluster(roles, appVersion, timings) + Data(timings);
        return ConfigurationFactory.ParseString(text)
            .WithFallback(DistributedData.DefaultConfig())
            .WithFallback(ConfigurationFactory.Default());
    }

    private const string Actor = """

        akka {
          loglevel = INFO
          stdout-loglevel = OFF
          # Before and after the loggers live, Akka would write to the terminal whatever the level.
          stdout-logger-class = "P2PLearn.Actors.Remoting.SilentLogger, P2PLearn.Actors"
          loggers = ["P2PLearn.Actors.Remoting.AkkaLogBridge, P2PLearn.Actors"]
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          log-config-on-start = off
          # The wheel of timers turns 20 times a second instead of 100: an idle node should cost next to nothing, and no deadline of ours is finer.
          scheduler.tick-duration = 50ms
          # The daemon decides when the process ends and what SIGTERM means.
          coordinated-shutdown {
            run-by-clr-shutdown-hook = off
            exit-clr = off
            terminate-actor-system = on
            # An actor system that is terminated by anything but its host is an accident, not a wish to leave.
            run-by-actor-system-terminate = off
          }
          actor {
            provider = cluster
            # A message without a serializer of its own is an error when it is sent, not a polymorphic JSON document.
            serialization-settings.allow-unregistered-types = false
            # Short manifests instead of type names that the receiver would look up.
            serialization-settings.primitive.use-legacy-behavior = off
            serializers {
              json = "P2PLearn.Actors.Remoting.DenyJsonSerializer, P2PLearn.Actors"
              proto = "P2PLearn.Actors.Remoting.DenyProtobufSerializer, P2PLearn.Actors"
              daemon-create = "P2PLearn.Actors.Remoting.DenyDaemonSerializer, P2PLearn.Actors"
              reliable-delivery = "P2PLearn.Actors.Remoting.DenyDeliverySerializer, P2PLearn.Actors"
            }
            serialization-identifiers {
              "P2PLearn.Actors.Remoting.DenyJsonSerializer, P2PLearn.Actors" = 1
              "P2PLearn.Actors.Remoting.DenyProtobufSerializer, P2PLearn.Actors" = 2
              "P2PLearn.Actors.Remoting.DenyDaemonSerializer, P2PLearn.Actors" = 3
              "P2PLearn.Actors.Remoting.DenyDeliverySerializer, P2PLearn.Actors" = 36
            }
          }
        }

        """;

    private static string Remote(AkkaTimings timings, P2PTransportOptions transport, FirewallRules rules) => $$"""

        akka.remote {
          enabled-transports = ["akka.remote.p2p"]
          p2p {
            transport-class = "P2PLearn.Actors.Remoting.P2PTransport, P2PLearn.Actors"
            applied-adapters = []
          }
          # Replies travel on the association that the other side opened; a peer behind a NAT may be unable to be dialled.
          use-passive-connections = on
          # A broken link is redialled at once, before anybody notices.
          retry-gate-closed-for = {{Ms(timings.RetryGate)}}
          # Longer than a hole punch or a relay takes.
          handshake-timeout = {{Ms(timings.HandshakeTimeout)}}
          # Signs of life per link would be most of an idle mesh's frames.
          transport-failure-detector {
            heartbeat-interval = {{Ms(timings.LinkHeartbeat)}}
            acceptable-heartbeat-pause = {{Ms(timings.LinkHeartbeat * 4)}}
          }
          # Names the message types that grow towards the frame limit, above which Akka drops them without telling the sender.
          log-frame-size-exceeding = {{(transport.MaxPayloadBytes / 2).ToString(CultureInfo.InvariantCulture)}}b
          log-remote-lifecycle-events = off
          # Second line behind the frame firewall: exact paths, nothing harmful, no remote deployment.
          untrusted-mode = on
          trusted-selection-paths = [{{Quoted(rules.SelectionPaths)}}]
        }

        """;

    private static string Cluster(IReadOnlyCollection<string> roles, string appVersion, AkkaTimings timings) => $$"""

        akka.cluster {
          # The host of the cluster decides whom to ask and who founds: with a list here the first entry founds by itself.
          seed-nodes = []
          seed-node-timeout = {{Ms(timings.SeedAnswer)}}
          # A restarted node is let in once its former incarnation is removed, which takes one or two leader's actions.
          retry-unsuccessful-join-after = {{Ms(timings.SeedAnswer)}}
          roles = [{{Quoted(roles)}}]
          app-version = "{{appVersion}}"
          gossip-interval = {{Ms(timings.GossipInterval)}}
          leader-actions-interval = {{Ms(timings.DecisionInterval)}}
          unreachable-nodes-reaper-interval = {{Ms(timings.DecisionInterval)}}
          periodic-tasks-initial-delay = {{Ms(timings.DecisionInterval)}}
          allow-weakly-up-members = {{Ms(timings.WeaklyUpAfter)}}
          failure-detector {
            heartbeat-interval = {{Ms(timings.HeartbeatInterval)}}
            acceptable-heartbeat-pause = {{Ms(timings.HeartbeatPause)}}
            expected-response-after = {{Ms((timings.HeartbeatInterval * 1.5) + TimeSpan.FromMilliseconds(500))}}
            threshold = 12
            monitored-by-nr-of-members = {{timings.MonitoredBy.ToString(CultureInfo.InvariantCulture)}}
          }
          downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
          split-brain-resolver {
            active-strategy = keep-majority
            stable-after = {{Ms(timings.StableAfter)}}
            # It would end every node of a flapping mesh.
            down-all-when-unstable = off
          }
          # A downed system ends itself; the host of the cluster builds a fresh one.
          run-coordinated-shutdown-when-down = on
        }

        """;

    private static string Data(AkkaTimings timings) => $$"""

        akka.cluster.distributed-data {
          gossip-interval = {{Ms(timings.ReplicationInterval)}}
          notify-subscribers-interval = {{Ms(timings.ReplicationNotify)}}
          # Counted in keys a message: so many of ours together stay below the frame limit, at their largest.
          max-delta-elements = {{ReplicationOptions.MaxEntriesPerMessage.ToString(CultureInfo.InvariantCulture)}}
          delta-crdt.max-delta-size = 64
        }
        akka.actor {
          serializers.p2plearn-crdt = "{{typeof(CrdtSerializer).FullName}}, P2PLearn.Actors"
          serialization-identifiers."{{typeof(CrdtSerializer).FullName}}, P2PLearn.Actors" = {{CrdtSerializer.Id}}
          serialization-bindings {
            {{Binding<ReplicatedContributions>()}}
            {{Binding<ReplicatedAttestations>()}}
            {{Binding<ContributionsKey>()}}
            {{Binding<AttestationsKey>()}}
          }
        }

        """;

    private static string Binding<T>() => $"\"{typeof(T).FullName}, P2PLearn.Actors\" = p2plearn-crdt";

    private static string Quoted(IEnumerable<string> words) => string.Join(", ", words.Select(word => $"\"{word}\""));

    private static string Ms(TimeSpan time) => ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) + "ms";

    private static void ThrowIfNoWord(string word)
    {
        if (string.IsNullOrEmpty(word) || !word.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
        {
            throw new ArgumentException($"'{word}' is neither a role nor a version", nameof(word));
        }
    }
}
