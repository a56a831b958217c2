// A js-libp2p peer that the C# tests drive: one JSON command per line on stdin, one JSON answer per line on stdout.
// Commands: start, dial, info, ping, upload, streams, perf, stop. Each carries an id that its answer repeats.
import { createHash } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { serve } from './commands.mjs'
import { readAll, send } from './streams.mjs'

const HASH = '/interop/sha256/1.0.0'
const ECHO = '/interop/echo/1.0.0'
const PERF = '/perf/1.0.0'
const MANY = { maxInboundStreams: 5000, maxOutboundStreams: 5000 }
const CHUNK = 64 * 1024
const identified = new Map()
let node

async function sendMany (stream, count, chunk, seen) {
  for (let left = count; left > 0; left -= chunk.length) {
    const part = left >= chunk.length ? chunk : chunk.subarray(0, left)
    seen?.(part)
    await send(stream, part)
  }
}

// Everything is read, then the SHA-256 of it is the answer.
async function answerHash (stream) {
  const hash = createHash('sha256')
  await readAll(stream, bytes => hash.update(bytes))
  await send(stream, hash.digest())
  await stream.close()
}

async function answerEcho (stream) {
  const parts = []
  await readAll(stream, bytes => parts.push(bytes))
  await send(stream, Buffer.concat(parts))
  await stream.close()
}

// libp2p perf: u64 big-endian, upload, half-close; then exactly that many bytes come back.
async function answerPerf (stream) {
  const header = Buffer.alloc(8)
  let filled = 0
  await readAll(stream, bytes => {
    if (filled < 8) {
      filled += Buffer.from(bytes.subarray(0, 8 - filled)).copy(header, filled)
    }
  })
  await sendMany(stream, Number(header.readBigUInt64BE()), new Uint8Array(CHUNK))
  await stream.close()
}

// noise() with early muxer negotiation switched off: no list is sent and a received one is ignored.
function lateNoise () {
  const create = noise()
  return components => {
    const encrypter = create(components)
    for (const method of ['secureInbound', 'secureOutbound']) {
      const original = encrypter[method].bind(encrypter)
      encrypter[method] = (stream, options) => original(stream, { ...options, skipStreamMuxerNegotiation: true })
    }
    return encrypter
  }
}

const commands = {
  async start ({ early }) {
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [early ? noise() : lateNoise()],
      streamMuxers: [yamux(MANY)],
      connectionManager: { inboundConnectionThreshold: 1000 },
      services: { identify: identify(), push: identifyPush(), ping: ping() }
    })
    node.addEventListener('peer:identify', event => identified.set(event.detail.peerId.toString(), event.detail))
    await node.handle(HASH, answerHash, MANY)
    await node.handle(ECHO, answerEcho, MANY)
    await node.handle(PERF, answerPerf, MANY)
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  async dial ({ address }) {
    const connection = await node.dial(multiaddr(address))
    return { peer: connection.remotePeer.toString() }
  },

  async info ({ peer }) {
    const result = identified.get(peer)
    return result == null
      ? { identified: false }
      : {
          identified: true,
          agent: result.agentVersion,
          protocols: result.protocols,
          addresses: result.listenAddrs.map(a => a.toString()),
          observed: result.observedAddr?.toString(),
          signed: result.signedPeerRecord != null
        }
  },

  async ping ({ peer }) {
    return { milliseconds: await node.services.ping.ping(peerIdFromString(peer)) }
  },

  async upload ({ peer, bytes }) {
    const stream = await node.dialProtocol(peerIdFromString(peer), HASH, MANY)
    const sent = createHash('sha256')
    const chunk = new Uint8Array(CHUNK).map((_, i) => (i * 31 + (i >> 8)) & 0xff)
    await sendMany(stream, bytes, chunk, part => sent.update(part))
    await stream.close()
    const answer = []
    await readAll(stream, part => answer.push(...part))
    return { sent: sent.digest('hex'), answered: Buffer.from(answer).toString('hex') }
  },

  async streams ({ peer, count }) {
    const id = peerIdFromString(peer)
    const open = await Promise.all(Array.from({ length: count }, () => node.dialProtocol(id, ECHO, MANY)))
    const answers = await Promise.all(open.map(async (stream, i) => {
      const text = `stream ${i}`
      await send(stream, Buffer.from(text))
      await stream.close()
      const parts = []
      await readAll(stream, part => parts.push(Buffer.from(part)))
      return Buffer.concat(parts).toString() === text
    }))
    return { right: answers.filter(a => a).length }
  },

  async perf ({ peer, upload, download }) {
    const stream = await node.dialProtocol(peerIdFromString(peer), PERF, MANY)
    const header = Buffer.alloc(8)
    header.writeBigUInt64BE(BigInt(download))
    const began = performance.now()
    await send(stream, header)
    await sendMany(stream, upload, new Uint8Array(CHUNK))
    await stream.close()
    let first
    const received = await readAll(stream, () => { first ??= performance.now() })
    const ended = performance.now()
    first ??= ended
    return { received, uploadSeconds: (first - began) / 1000, downloadSeconds: (ended - first) / 1000 }
  },

  async stop () {
    await node?.stop()
    setImmediate(() => process.exit(0))
    return {}
  }
}

serve(commands)
