// Whatever user code prints belongs to the step that printed it, and never to the protocol.
import { format } from 'node:util'
import { running } from './authoring/current.js'
import { withoutOwnFrames } from './protocol/errors.js'

const LEVELS = /** @type {const} */ ({ log: 'info', info: 'info', debug: 'debug', trace: 'debug', warn: 'warning', error: 'error' })

/** Send `console.*` and what is written to the process's output to the logs of the running step. Outside of
 * one, it stays what it is: the owner of this process reads it. */
export function captureOutput() {
  for (const [name, level] of Object.entries(LEVELS)) {
    const print = /** @type {any} */ (console)[name].bind(console)
    ;/** @type {any} */ (console)[name] = (/** @type {unknown[]} */ ...args) => {
      const context = running.getStore()
      if (context === undefined) print(...args)
      else logLines(context, level, withoutOwnFrames(format(...args)))
    }
  }
  captureStream(process.stdout, 'info')
  captureStream(process.stderr, 'error')
}

/** One record a line, as for what is printed in other languages.
 * @param {import('./authoring/current.js').Context} context @param {'debug' | 'info' | 'warning' | 'error'} level
 * @param {string} text */
function logLines(context, level, text) {
  for (const line of text.split('\n')) context.logger[level](line)
}

/** @param {NodeJS.WriteStream} stream @param {'info' | 'error'} level */
function captureStream(stream, level) {
  const write = stream.write.bind(stream)
  stream.write = /** @type {any} */ (
    (/** @type {any} */ chunk, /** @type {any} */ encoding, /** @type {any} */ done) => {
      const context = running.getStore()
      if (context === undefined) return write(chunk, encoding, done)
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
      // Nothing is what Node itself writes for a child process that printed nothing.
      if (text !== '') logLines(context, level, text.replace(/\n$/, ''))
      const callback = typeof encoding === 'function' ? encoding : done
      if (typeof callback === 'function') queueMicrotask(callback)
      return true
    }
  )
}
