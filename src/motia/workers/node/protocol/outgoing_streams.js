// Streams from a handler to the node: an item is asked of the generator only when the node has room for it.
import { describeError } from './errors.js'
import { toWire } from './values.js'

/** @typedef {import('./connection.js').Connection} Connection */

const MAX_CHUNK_ITEMS = 32
/** An item takes one credit for each so many bytes that are begun. */
const CREDIT_BYTES = 16 * 1024

export class OutgoingStreams {
  #connection
  #projectDir
  #lastNumber = 0
  /** @type {Map<number, {credit: number, wake: (() => void) | null, closed: boolean}>} */
  #open = new Map()

  /** @param {Connection} connection @param {() => string} projectDir */
  constructor(connection, projectDir) {
    this.#connection = connection
    this.#projectDir = projectDir
  }

  /** Begin to send; the marker that stands for the stream in a value.
   * @param {AsyncIterable<any> | Iterable<any>} items */
  start(items) {
    const number = ++this.#lastNumber
    const stream = { credit: this.#connection.limits.stream_items, wake: null, closed: false }
    this.#open.set(number, stream)
    void this.#send(number, stream, items)
    return { $stream: number }
  }

  /** @param {number} number @param {number} items */
  addCredit(number, items) {
    const stream = this.#open.get(number)
    if (stream === undefined) return
    stream.credit += items
    wake(stream)
  }

  /** The reader wants no more. @param {number} number */
  close(number) {
    const stream = this.#open.get(number)
    if (stream === undefined) return
    stream.closed = true
    wake(stream)
  }

  closeAll() {
    for (const number of this.#open.keys()) this.close(number)
  }

  /** @param {number} number @param {{credit: number, wake: (() => void) | null, closed: boolean}} stream
   * @param {AsyncIterable<any> | Iterable<any>} items */
  async #send(number, stream, items) {
    /** @type {any[]} */
    let chunk = []
    let cost = 0
    const flush = () => {
      if (chunk.length > 0 && !stream.closed) {
        const more = cost > chunk.length ? { credit: cost } : {}
        this.#connection.notify('chunk', { stream: number, items: chunk, ...more })
      }
      chunk = []
      cost = 0
    }
    try {
      for await (const item of items) {
        while (stream.credit <= 0 && !stream.closed) {
          flush()
          await new Promise((/** @type {(value?: any) => void} */ resolve) => (stream.wake = resolve))
        }
        if (stream.closed) break
        const wire = toWire(item)
        const credit = creditOf(wire)
        stream.credit -= credit
        cost += credit
        chunk.push(wire)
        // What comes in the same turn goes together; what comes later must not wait.
        if (chunk.length >= MAX_CHUNK_ITEMS || credit > 1) flush()
        else if (chunk.length === 1) setImmediate(flush)
      }
      flush()
      if (!stream.closed) this.#connection.notify('end', { stream: number })
    } catch (error) {
      flush()
      if (!stream.closed) this.#connection.notify('end', { stream: number, error: describeError(error, this.#projectDir()) })
    } finally {
      this.#open.delete(number)
    }
  }
}

/** @param {{wake: (() => void) | null}} stream */
function wake(stream) {
  stream.wake?.()
  stream.wake = null
}

/** @param {any} wire */
function creditOf(wire) {
  const text = typeof wire === 'string' ? wire : (wire?.$bytes ?? JSON.stringify(wire))
  return 1 + Math.floor(text.length / CREDIT_BYTES)
}
