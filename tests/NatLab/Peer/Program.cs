using P2PLearn.NatPeer;

// NatPeer swarm [OPTIONS]   a libp2p node; with --blocks FOLDER one that serves and fetches models
// NatPeer probe             bare sockets
// NatPeer portmap pcp|natpmp|upnp|all PORT SECONDS   asks the router for a port
// All take commands as lines, `ID VERB ARGUMENT...`, and print events as lines of JSON until `ID quit` or the end of input.
var events = new EventWriter(Console.Out);
switch (args)
{
    case ["swarm", .. string[] options]:
        await PeerProgram.RunAsync(PeerSettings.Parse(options), events);
        return 0;
    case ["probe"]:
        await ProbeProgram.RunAsync(events);
        return 0;
    case ["portmap", string protocol, string port, string lifetime]:
        await PortMapProgram.RunAsync(protocol, port, lifetime, events);
        return 0;
    default:
        await Console.Error.WriteLineAsync("usage: NatPeer swarm [OPTIONS] | NatPeer probe | NatPeer portmap PROTOCOL PORT SECONDS");
        return 2;
}
