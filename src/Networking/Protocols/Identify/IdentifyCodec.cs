using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Identify.Wire;

namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>Identify messages to bytes and back.</summary>
/// <remarks>
/// Source: libp2p specs, identify. A record larger than one message goes out in several: key, versions and observed
/// address first, then addresses and protocols, the signed record last, each at most
/// <see cref="IdentifyLimits.MaxOutboundMessageBytes"/>.
/// </remarks>
internal static class IdentifyCodec
{
    /// <summary>Writes a record as the messages of one exchange, without their length prefixes.</summary>
    public static List<byte[]> Encode(IdentifyRecord record)
    {
        var splitter = new Splitter();
        splitter.Add(First(record));
        foreach (Multiaddr address in record.ListenAddresses ?? [])
        {
            splitter.Add(new IdentifyMessage { ListenAddrs = { ByteString.CopyFrom(address.Bytes) } });
        }

        foreach (string protocol in record.Protocols ?? [])
        {
            splitter.Add(new IdentifyMessage { Protocols = { protocol } });
        }

        if (record.SignedPeerRecord is { } envelope)
        {
            splitter.Add(new IdentifyMessage { SignedPeerRecord = ByteString.CopyFrom(envelope) });
        }

        return splitter.Finish();
    }

    private static IdentifyMessage First(IdentifyRecord record)
    {
        var message = new IdentifyMessage();
        if (record.PublicKey is { } key)
        {
            message.PublicKey = ByteString.CopyFrom(key);
        }

        if (record.ObservedAddress is { } observed)
        {
            message.ObservedAddr = ByteString.CopyFrom(observed.Bytes);
        }

        if (record.ProtocolVersion is { } protocolVersion)
        {
            message.ProtocolVersion = protocolVersion;
        }

        if (record.AgentVersion is { } agentVersion)
        {
            message.AgentVersion = agentVersion;
        }

        return message;
    }

    /// <summary>Packs small messages into as few as fit the limit, in order, dropping what would pass
    /// <see cref="IdentifyLimits.MaxMessages"/>.</summary>
    private sealed class Splitter
    {
        private readonly List<byte[]> _done = [];
        private IdentifyMessage _open = new();
        private int _openBytes;

        public void Add(IdentifyMessage part)
        {
            int bytes = part.CalculateSize();
            if (bytes > IdentifyLimits.MaxOutboundMessageBytes)
            {
                return; // our own record is too large to say: the rest still goes out
            }

            if (_openBytes + bytes > IdentifyLimits.MaxOutboundMessageBytes)
            {
                Close();
            }

            _open.MergeFrom(part);
            _openBytes += bytes;
        }

        public List<byte[]> Finish()
        {
            Close();
            return _done;
        }

        private void Close()
        {
            if (_done.Count < IdentifyLimits.MaxMessages)
            {
                _done.Add(_open.ToByteArray());
            }

            _open = new IdentifyMessage();
            _openBytes = 0;
        }
    }
}
