// One node's connection: calls in both directions, written in batches, answers in any order.
import { FrameError, FrameReader, MARKED, framed } from './frames.js'
import { MotiaError } from './errors.js'
import { fromWire } from './values.js'

/**
 * @typedef {{frame_bytes: number, message_bytes: number, stream_items: number, heartbeat_s: number}} Limits
 * @typedef {{resolve: (result: any) => void, reject: (error: Error) => void}} Waiting
 * @typedef {object} Handlers
 * @property {(connection: Connection, message: any) => void} received A call or notification of the node.
 * @property {(connection: Connection) => void} closed
 */

/** @type {Limits} Until the node says its own. */
const LIMITS = { frame_bytes: 1024 * 1024, message_bytes: 64 * 1024 * 1024, stream_items: 64, heartbeat_s: 1 }

export class Connection {
  #socket
  #handlers
  #reader = new FrameReader()
  #outgoing = ''
  #flushing = false
  #lastId = 0
  /** @type {Map<number, Waiting>} */
  #waiting = new Map()
  closed = false

  /** @param {import('node:net').Socket} socket @param {Handlers} handlers */
  constructor(socket, handlers) {
    this.#socket = socket
    this.#handlers = handlers
    this.limits = LIMITS
    socket.on('data', (chunk) => this.#read(/** @type {Buffer} */ (chunk)))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#close())
  }

  /** @param {Limits} limits */
  useLimits(limits) {
    this.limits = { ...LIMITS, ...limits }
    this.#reader.limits = this.limits
  }

  /** Call the node. Failure: its error. @param {string} method @param {object} params @returns {Promise<any>} */
  call(method, params) {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(gone())
        return
      }
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      try {
        this.#send({ jsonrpc: '2.0', id, method, params })
      } catch (error) {
        this.#waiting.delete(id)
        reject(error)
      }
    })
  }

  /** @param {string} method @param {object} params */
  notify(method, params) {
    this.#send({ jsonrpc: '2.0', method, params })
  }

  /** @param {number} id @param {unknown} result Already as the protocol writes it. */
  answer(id, result) {
    this.#send({ jsonrpc: '2.0', id, result })
  }

  /** @param {number | null} id @param {{code: number, message: string, data?: object}} error */
  refuse(id, error) {
    this.#send({ jsonrpc: '2.0', id, error })
  }

  end() {
    this.#flush()
    this.#socket.end()
  }

  /** @param {object} message */
  #send(message) {
    if (this.closed) return
    const text = JSON.stringify(message)
    if (text.length * 3 > this.limits.message_bytes && Buffer.byteLength(text) > this.limits.message_bytes) {
      throw tooLarge(message, this.limits.message_bytes)
    }
    this.#outgoing += framed(text, this.limits.frame_bytes)
    if (!this.#flushing) {
      this.#flushing = true
      // After everything that arrived together was answered: one write for all.
      setImmediate(() => this.#flush())
    }
  }

  #flush() {
    this.#flushing = false
    if (this.#outgoing === '' || this.#socket.destroyed) return
    const text = this.#outgoing
    this.#outgoing = ''
    this.#socket.write(text)
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    let messages
    try {
      messages = this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#outgoing = ''
      this.#socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32700, message: error.message } })}\n`)
      this.#socket.destroySoon()
      return
    }
    for (const message of messages) this.#dispatch(message)
  }

  /** @param {any} message */
  #dispatch(message) {
    if (typeof message.method === 'string') {
      if (MARKED.has(message)) message.params = fromWire(message.params)
      this.#handlers.received(this, message)
      return
    }
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    this.#waiting.delete(message.id)
    if (message.error === undefined) {
      waiting.resolve(MARKED.has(message) ? fromWire(message.result) : message.result)
    } else {
      waiting.reject(new MotiaError(message.error.data?.code ?? 'handler.raised', message.error.message, message.error.data))
    }
  }

  #close() {
    if (this.closed) return
    this.closed = true
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(gone())
    this.#handlers.closed(this)
  }
}

function gone() {
  return new MotiaError('context.ended', 'expected a node that is connected, got a closed connection', { retryable: true })
}

/** @param {any} message @param {number} limit */
function tooLarge(message, limit) {
  const [path, bytes] = largest(message.result ?? message.params)
  return new MotiaError(
    'result.too_large',
    `${path}: expected a message of at most ${limit} bytes, got ${bytes} in its largest member`,
    { type: 'ValueError', retryable: false, hint: 'keep large data in a file or a bucket, and pass its address' },
  )
}

/** The path of the largest member, down to where no member is most of it.
 * @param {any} value @param {string} [path] @param {number} [bytes] of its text @returns {[string, number]} */
function largest(value, path = '$', bytes = textBytes(value)) {
  if (value === null || typeof value !== 'object' || '$bytes' in value) return [path, bytes]
  const members = Object.entries(value).map(([key, item]) => ({
    at: Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`,
    item,
    bytes: textBytes(item),
  }))
  const most = members.reduce((a, b) => (b.bytes > a.bytes ? b : a), { at: path, item: null, bytes: 0 })
  return most.bytes * 2 > bytes ? largest(most.item, most.at, most.bytes) : [path, bytes]
}

/** @param {any} value */
function textBytes(value) {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}
