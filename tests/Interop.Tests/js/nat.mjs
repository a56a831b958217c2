// A js-libp2p peer for NAT traversal that the C# tests drive: one JSON command per line on stdin, one JSON answer per line on stdout.
// Commands: start, autonat, map, addresses, dial. Each carries an id that its answer repeats.
//
// js-libp2p tests no private address, loopback included. So both sides give each other names in 11.0.0.0/8, and dial 127.0.0.1
// under them: here net.connect does.
import net from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { autoNAT } from '@libp2p/autonat'
import { autoNATv2 } from '@libp2p/autonat-v2'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { serve } from './commands.mjs'

const dialled = []
const connect = net.connect
net.connect = (options, ...rest) => {
  dialled.push(`${options.host}:${options.port}`)
  return connect(options.host?.startsWith('11.') ? { ...options, host: '127.0.0.1' } : options, ...rest)
}

let node

function port () {
  return Number(node.components.transportManager.getAddrs()[0].toString().split('/')[4])
}

const commands = {
  async start () {
    return await commands.autonat({ version: 2 })
  },

  // Anew, with one version of AutoNAT.
  async autonat ({ version }) {
    await node?.stop()
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: { inboundConnectionThreshold: 1000 },
      services: {
        identify: identify(),
        push: identifyPush(),
        ping: ping(),
        autonat: version === 1 ? autoNAT() : autoNATv2()
      }
    })
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  // A router says that this IP leads here, so that AutoNAT has something to find out.
  async map ({ ip }) {
    node.components.addressManager.addPublicAddressMapping('127.0.0.1', port(), ip, port(), 'tcp')
    return { port: port() }
  },

  // Those that js tells others: mapped ones once they are verified.
  async addresses () {
    return { addresses: node.getMultiaddrs().map(a => a.toString()), dialled }
  },

  async dial ({ address }) {
    const connection = await node.dial(multiaddr(address))
    return { peer: connection.remotePeer.toString() }
  }
}

serve(commands, () => node?.stop())
