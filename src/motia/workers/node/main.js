// Started by the supervisor: `node main.js`, with MOTIA_WORKER_FD naming a socket that listens already.
import { captureOutput } from './capture.js'
import { guardExit } from './exiting.js'
import { Worker } from './worker.js'

// Loading a package's ES module by `require` works in every version that says it is experimental.
const { emitWarning } = process
process.emitWarning = /** @type {any} */ (
  (/** @type {any} */ warning, /** @type {any} */ ...rest) => {
    if (!/require\(\).*ES Module|CommonJS module .* is loading ES Module/.test(String(warning))) emitWarning(warning, ...rest)
  }
)

const { exit } = process
const worker = new Worker((code) => exit(code))
captureOutput()
guardExit(() => worker.isLoading)
process.on('uncaughtException', (error) => worker.uncaught(error))
process.on('unhandledRejection', (error) => worker.uncaught(error))
// Ctrl+C reaches the whole group of processes: the owner decides when this one goes.
process.on('SIGINT', () => undefined)

const fd = process.env.MOTIA_WORKER_FD
if (fd === undefined) {
  process.stderr.write('expected to be started by motia, with MOTIA_WORKER_FD, got none\n')
  process.exit(2)
}
// For user code and its children this is a process like any other.
delete process.env.MOTIA_WORKER_FD
worker.listen({ fd: Number(fd) })
// Nobody writes to it: when it ends, the owner is gone.
process.stdin.on('end', () => process.exit(0)).resume()
