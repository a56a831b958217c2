// Sending and reading whole streams of js-libp2p.

export async function send (stream, bytes) {
  if (!stream.send(bytes)) {
    await stream.onDrain()
  }
}

// Not "for await": js-libp2p's iterator never ends when the remote closed its side before the handler began to read, as it does
// when protocol, request and FIN come in one packet.
export function readAll (stream, seen) {
  return new Promise((resolve, reject) => {
    let count = 0
    const endIfRead = () => {
      if (stream.remoteWriteStatus === 'closed' && stream.readBufferLength === 0) {
        resolve(count)
      }
    }
    stream.addEventListener('message', event => {
      const bytes = event.data.subarray()
      count += bytes.length
      seen?.(bytes)
      setImmediate(endIfRead)
    })
    stream.addEventListener('remoteCloseWrite', endIfRead)
    stream.addEventListener('close', event => event.error == null ? resolve(count) : reject(event.error))
    setImmediate(endIfRead)
  })
}
