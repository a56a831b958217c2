// A js-libp2p peer with kad-dht that the C# tests drive: one JSON command per line on stdin, one JSON answer per line on stdout.
// Commands: start, dial, table, find-peer, put, get, held, provide, find-providers. Each carries an id that its answer repeats. Keys and
// values are text.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { serve } from './commands.mjs'

const PATIENT = 30_000
const bytes = text => new TextEncoder().encode(text)
const text = value => new TextDecoder().decode(value)
let node

const commands = {
  async start ({ protocol, client }) {
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
        dht: kadDHT({
          protocol,
          clientMode: client === true,
          peerInfoMapper: passthroughMapper, // others drop loopback
          allowQueryWithZeroPeers: true,
          // as the C# tests' namespace: anything that does not begin with '!', and the greater bytes are better
          validators: { any: async (key, value) => { if (text(value).startsWith('!')) throw new Error('forged') } },
          selectors: { any: (key, values) => values.map(text).reduce((best, v, i, all) => v > all[best] ? i : best, 0) }
        })
      }
    })
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  async dial ({ address }) {
    const connection = await node.dial(multiaddr(address))
    return { peer: connection.remotePeer.toString() }
  },

  // Whom js holds for a server.
  async table () {
    const peers = []
    for await (const peer of node.services.dht.routingTable.kb.toIterable()) {
      peers.push(peer.peerId.toString())
    }
    return { peers }
  },

  async 'find-peer' ({ peer }) {
    const info = await node.peerRouting.findPeer(peerIdFromString(peer), { signal: AbortSignal.timeout(PATIENT), useCache: false })
    return { peer: info.id.toString(), addresses: info.multiaddrs.map(a => a.toString()) }
  },

  async put ({ key, value }) {
    const answers = []
    for await (const event of node.services.dht.put(bytes(key), bytes(value), { signal: AbortSignal.timeout(PATIENT) })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') {
        answers.push(event.record == null ? null : text(event.record.value))
      }
    }
    return { answers }
  },

  async get ({ key }) {
    const values = []
    for await (const event of node.services.dht.get(bytes(key), { signal: AbortSignal.timeout(PATIENT) })) {
      if (event.name === 'VALUE') {
        values.push(text(event.value))
      }
    }
    return { values }
  },

  // What js itself keeps, without asking anybody.
  async held ({ key }) {
    const record = await node.services.dht.contentFetching.getLocal(bytes(key), {})
    return { value: text(record.value) }
  },

  async provide ({ cid }) {
    let told = 0
    for await (const event of node.services.dht.provide(CID.parse(cid), { signal: AbortSignal.timeout(PATIENT) })) {
      told += event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER' ? 1 : 0
    }
    return { told }
  },

  async 'find-providers' ({ cid }) {
    const providers = []
    for await (const event of node.services.dht.findProviders(CID.parse(cid), { signal: AbortSignal.timeout(PATIENT) })) {
      if (event.name === 'PROVIDER') {
        providers.push(...event.providers.map(p => ({ peer: p.id.toString(), addresses: p.multiaddrs.map(a => a.toString()) })))
      }
    }
    return { providers }
  }
}

serve(commands, () => node?.stop())
