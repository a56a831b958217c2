// A js-libp2p peer behind a relay, or a relay, that the C# tests drive: one JSON command per line on stdin, one JSON answer per line
// on stdout. Commands: start, listen, dial, connections, reservations, echo, messages. Each carries an id that its answer repeats.
//
// js-libp2p punches no holes to private addresses, loopback included. So both sides give each other names in 11.0.0.0/8, and dial
// 127.0.0.1 under them: here net.connect does.
import net from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { identify, identifyPush } from '@libp2p/identify'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { HolePunch } from './node_modules/@libp2p/dcutr/dist/src/pb/message.js'
import { serve } from './commands.mjs'
import { readAll, send } from './streams.mjs'

const ECHO = '/interop/echo/1.0.0'
const LIMITED = { runOnLimitedConnection: true }
const PATIENT = 30_000
const NOBODY = 1 // a port of this machine where nothing listens
const messages = []
let shut = false
let node

const connect = net.connect
net.connect = (options, ...rest) => {
  if (!options.host?.startsWith('11.')) {
    return connect(options, ...rest)
  }

  return connect({ ...options, host: '127.0.0.1', port: shut ? NOBODY : options.port }, ...rest)
}

// What js-libp2p's own DCUtR writes and reads passes here.
for (const [name, direction] of [['encode', 'sent'], ['decode', 'received']]) {
  const original = HolePunch[name]
  HolePunch[name] = (value, ...rest) => {
    const result = original(value, ...rest)
    const message = name === 'encode' ? value : result
    shut &&= message.type !== HolePunch.Type.SYNC
    messages.push({ direction, type: message.type, addresses: message.observedAddresses.map(a => multiaddr(a).toString()) })
    return result
  }
}

async function answerEcho (stream) {
  const parts = []
  await readAll(stream, bytes => parts.push(bytes))
  await send(stream, Buffer.concat(parts))
  await stream.close()
}

function freePort () {
  return new Promise(resolve => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function describe (connection) {
  const limits = connection.limits
  return {
    peer: connection.remotePeer.toString(),
    address: connection.remoteAddr.toString(),
    direction: connection.direction,
    limited: limits != null,
    bytes: limits?.bytes == null ? null : Number(limits.bytes),
    seconds: limits?.seconds ?? null
  }
}

// The best connection there is.
function connectionTo (peer) {
  const connections = node.getConnections(peerIdFromString(peer)).filter(c => c.status === 'open')
  return connections.find(c => c.limits == null) ?? connections[0]
}

const commands = {
  // relay: serve as one, with this many bytes a circuit, 0 for js-libp2p's default. name: the IP told to others; closed: with a port
  // where nobody listens. punch: with DCUtR. unreachable: dials under names fail until there is a SYNC.
  async start ({ relay, name, closed, punch, unreachable }) {
    const port = await freePort()
    shut = unreachable ?? false
    node = await createLibp2p({
      addresses: {
        listen: [`/ip4/127.0.0.1/tcp/${port}`],
        appendAnnounce: name == null ? [] : [`/ip4/${name}/tcp/${closed ? NOBODY : port}`]
      },
      transports: [tcp(), circuitRelayTransport({ reservationCompletionTimeout: PATIENT })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: { inboundConnectionThreshold: 1000 },
      services: {
        identify: identify(),
        push: identifyPush(),
        ping: ping(),
        ...(punch ? { dcutr: dcutr({ timeout: PATIENT }) } : {}),
        ...(relay == null ? {} : { relay: circuitRelayServer(relay === 0 ? {} : { reservations: { defaultDataLimit: BigInt(relay) } }) })
      }
    })
    await node.handle(ECHO, answerEcho, LIMITED)
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(a => a.toString()) }
  },

  // Reserves a slot on a relay.
  async listen ({ relay }) {
    await node.components.transportManager.listen([multiaddr(relay).encapsulate('/p2p-circuit')])
    return { addresses: node.getMultiaddrs().map(a => a.toString()).filter(a => a.includes('/p2p-circuit')) }
  },

  async dial ({ address }) {
    return describe(await node.dial(multiaddr(address), { signal: AbortSignal.timeout(PATIENT) }))
  },

  async connections ({ peer }) {
    return { connections: node.getConnections(peerIdFromString(peer)).map(describe) }
  },

  // Who holds a slot here.
  async reservations () {
    return { peers: [...node.services.relay.reservations.keys()].map(p => p.toString()) }
  },

  async echo ({ peer, bytes }) {
    const stream = await connectionTo(peer).newStream(ECHO, LIMITED)
    const answer = readAll(stream)
    answer.catch(() => {}) // awaited below, perhaps later than it fails
    for (let left = bytes; left > 0; left -= 8192) {
      await Promise.race([send(stream, new Uint8Array(Math.min(left, 8192))), answer])
    }
    await stream.close()
    return { echoed: await answer }
  },

  // The messages of DCUtR, both directions, in order.
  async messages () {
    return { messages }
  }
}

serve(commands, () => node?.stop())
