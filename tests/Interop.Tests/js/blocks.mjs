// A js-libp2p peer with Helia's bitswap that the C# tests drive: one JSON command per line on stdin, one JSON answer per line on stdout.
// Commands: start, dial, put, get. Each carries an id that its answer repeats.
import { createHash } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { createBitswap } from '@helia/bitswap'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { serve } from './commands.mjs'

// Nobody is found by routing: the peers are connected already.
const routing = { async * findProviders () {} }
const blockstore = new MemoryBlockstore()
let node, bitswap

// The same bytes as on the C# side: SHA-256 of "seed:counter", one after the other.
function content (seed, bytes) {
  const parts = []
  for (let i = 0; i * 32 < bytes; i++) {
    parts.push(createHash('sha256').update(`${seed}:${i}`).digest())
  }
  return new Uint8Array(Buffer.concat(parts).subarray(0, bytes))
}

const commands = {
  async start () {
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: { inboundConnectionThreshold: 1000 },
      services: { identify: identify() }
    })
    bitswap = createBitswap({ routing, blockstore, libp2p: node, logger: node.logger, getHasher: async () => sha256 })
    await bitswap.start()
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  async dial ({ address }) {
    const connection = await node.dial(multiaddr(address))
    return { peer: connection.remotePeer.toString() }
  },

  async put ({ seed, bytes }) {
    const block = content(seed, bytes)
    const cid = CID.createV1(raw.code, await sha256.digest(block))
    await blockstore.put(cid, block)
    await bitswap.notify(cid, block)
    return { cid: cid.toString() }
  },

  async get ({ cid }) {
    const block = await bitswap.want(CID.parse(cid), { signal: AbortSignal.timeout(30_000) })
    return { bytes: block.length, sha256: createHash('sha256').update(block).digest('hex') }
  }
}

serve(commands, () => node?.stop())
