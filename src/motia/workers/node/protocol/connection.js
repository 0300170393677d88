// One node's connection: calls in both directions, written in batches, answers in any order.
import { FrameError, FrameReader, MARKED } from './frames.js'
import { MotiaError } from './errors.js'
import { Outbox, isLonger } from './outbox.js'
import { fromWire, limitValues, notJson, tooLarge } from './values.js'

/**
 * @typedef {{frame_bytes: number, message_bytes: number, message_parts: number, stream_items: number, heartbeat_s: number}} Limits
 * @typedef {{resolve: (result: any) => void, reject: (error: Error) => void}} Waiting
 * @typedef {object} Handlers
 * @property {(connection: Connection, message: any) => void} received A call or notification of the node.
 * @property {(connection: Connection) => void} closed
 */

/** @type {Limits} Until the node says its own. */
const LIMITS = { frame_bytes: 1024 * 1024, message_bytes: 64 * 1024 * 1024, message_parts: 4, stream_items: 64, heartbeat_s: 1 }

/** So many lines go out before everything that arrived together was answered: the node takes them up meanwhile. */
const EARLY_LINES = 16

export class Connection {
  #socket
  #handlers
  #reader = new FrameReader(() => this.notify('credit', { parts: 1 }))
  #outbox = new Outbox((line) => this.#write(line))
  #outgoing = ''
  #lines = 0
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
    this.#outbox.useLimits(LIMITS)
    socket.on('data', (chunk) => this.#read(/** @type {Buffer} */ (chunk)))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#close())
  }

  /** @param {Limits} limits */
  useLimits(limits) {
    this.limits = { ...LIMITS, ...limits }
    this.#reader.limits = this.limits
    this.#outbox.useLimits(this.limits)
    limitValues(this.limits.message_bytes)
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
    let text = JSON.stringify(message)
    if (HALF.test(text)) text = withoutHalves(text, message)
    if (isLonger(text, this.limits.message_bytes)) throw tooLarge(resultOf(message), this.limits.message_bytes)
    if (this.#outbox.isBusy || isLonger(text, this.limits.frame_bytes)) this.#outbox.put(text, laneOf(message))
    else this.#write(`${text}\n`)
  }

  /** @param {string} line */
  #write(line) {
    this.#outgoing += line
    if (++this.#lines === EARLY_LINES) this.#pour()
    else if (!this.#flushing) {
      this.#flushing = true
      // After everything that arrived together was answered: one write for all.
      setImmediate(() => this.#flush())
    }
  }

  #flush() {
    this.#flushing = false
    this.#pour()
  }

  #pour() {
    this.#lines = 0
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
      if (message.method === 'credit' && message.params.parts !== undefined) {
        this.#outbox.addCredit(message.params.parts)
        return
      }
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

/** As `JSON.stringify` writes half a character, or a text that holds its escape. */
const HALF = /\\ud[89a-f]/
const HALVES = /(\\+)ud[89a-f][0-9a-f]{2}/g

/** The text without halves of characters, which no JSON may carry: nodes would give up the connection. Logs and
 * errors go out with a mark in their place. Failure: `MotiaError` for a call, whose keys they may be.
 * @param {string} text @param {any} message */
function withoutHalves(text, { id, method }) {
  return text.replace(HALVES, (found, slashes) => {
    if (slashes.length % 2 === 0) return found
    if (method !== undefined && id !== undefined) throw notJson('$', 'text with whole characters', 'a lone surrogate')
    return `${slashes.slice(1)}\ufffd`
  })
}

/** What a message is about: nothing of one invocation or stream overtakes another message of it.
 * @param {any} message */
function laneOf({ id, method, params }) {
  if (method === undefined) return `i${id}`
  if (params.invocation !== undefined) return `i${params.invocation}`
  return params.stream === undefined ? undefined : `s${params.stream}`
}

/** What of a message its author made. @param {any} message */
function resultOf({ result, params }) {
  return result?.value ?? result ?? params
}
