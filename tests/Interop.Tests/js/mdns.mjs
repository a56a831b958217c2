// A js-libp2p peer with mDNS discovery that the C# tests drive: one JSON command per line on stdin, one JSON answer per line on stdout.
// Commands: start, discover, found, dial. Each carries an id that its answer repeats.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { serve } from './commands.mjs'

const found = new Map()
let node
let discovery

const commands = {
  async start () {
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  // Apart from the node, since port and service come later than its creation.
  async discover ({ port, service, interval }) {
    discovery = mdns({ port, serviceTag: service, interval })(node.components)
    discovery.addEventListener('peer', event => {
      found.set(event.detail.id.toString(), event.detail.multiaddrs.map(a => a.toString()))
    })
    await discovery.start()
    return {}
  },

  async found ({ peer }) {
    return { addresses: found.get(peer) ?? null }
  },

  async dial ({ address }) {
    const connection = await node.dial(multiaddr(address))
    return { peer: connection.remotePeer.toString() }
  }
}

serve(commands, async () => {
  await discovery?.stop()
  await node?.stop()
})
