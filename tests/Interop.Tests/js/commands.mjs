// What drives the peers of the C# tests: one JSON command per line on stdin, one JSON answer per line on stdout.
import { createInterface } from 'node:readline'

// Node 20 lacks it, and js-libp2p uses it.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((res, rej) => { resolve = res; reject = rej })
  return { promise, resolve, reject }
}

function answer (message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

// Carries out commands by name until stdin ends; each has an id, which its answer repeats. Then stops, and ends the process.
export function serve (commands, stop) {
  createInterface({ input: process.stdin })
    .on('line', async line => {
      const command = JSON.parse(line)
      try {
        answer({ id: command.id, ...await commands[command.command](command) })
      } catch (error) {
        answer({ id: command.id, error: `${error.name}: ${error.message}` })
      }
    })
    .on('close', async () => {
      await stop?.()
      process.exit(0)
    })
}
