// Bytes in, messages out: one JSON text a line, longer ones in parts.
import { isUtf8 } from 'node:buffer'

const LINE_FEED = 10

/** What cannot be read: the connection is given up. */
export class FrameError extends Error {}

export class FrameReader {
  /** @type {Buffer[]} */
  #waiting = []
  #waitingBytes = 0
  /** @type {Map<number, {texts: string[], length: number}>} */
  #parts = new Map()
  limits = { frame_bytes: 1024 * 1024, message_bytes: 64 * 1024 * 1024 }

  /**
   * The messages that end in `chunk`. Failure: `FrameError`.
   * @param {Buffer} chunk
   * @returns {any[]}
   */
  push(chunk) {
    const end = chunk.lastIndexOf(LINE_FEED)
    if (end === -1) {
      this.#keep(chunk)
      return []
    }
    const whole = this.#waiting.length === 0 ? chunk.subarray(0, end) : Buffer.concat([...this.#waiting, chunk.subarray(0, end)])
    this.#waiting = []
    this.#waitingBytes = 0
    if (end + 1 < chunk.length) this.#keep(chunk.subarray(end + 1))
    if (!isUtf8(whole)) throw new FrameError('a line is no UTF-8')
    const messages = []
    for (const line of whole.toString('utf8').split('\n')) {
      if (whole.length > this.limits.frame_bytes && Buffer.byteLength(line) > this.limits.frame_bytes) {
        throw new FrameError(`a line is longer than ${this.limits.frame_bytes} bytes`)
      }
      const message = this.#read(line)
      if (message !== null) messages.push(message)
    }
    return messages
  }

  /** @param {Buffer} chunk */
  #keep(chunk) {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes > this.limits.frame_bytes) {
      throw new FrameError(`a line is longer than ${this.limits.frame_bytes} bytes`)
    }
  }

  /** @param {string} line @param {boolean} [joined] @returns {any} */
  #read(line, joined = false) {
    let message
    try {
      message = JSON.parse(line)
    } catch {
      throw new FrameError('a line is no JSON')
    }
    if (message === null || typeof message !== 'object' || Array.isArray(message)) throw new FrameError('a line is no message')
    if (message.method === 'part') {
      if (joined) throw new FrameError('the text of a part is a part')
      return this.#join(message.params ?? {})
    }
    if (line.includes('"$')) MARKED.add(message)
    return message
  }

  /** @param {{message?: unknown, text?: unknown, last?: unknown}} part */
  #join({ message, text, last }) {
    if (typeof message !== 'number' || typeof text !== 'string') throw new FrameError('a part is incomplete')
    let known = this.#parts.get(message)
    if (known === undefined) this.#parts.set(message, (known = { texts: [], length: 0 }))
    known.texts.push(text)
    known.length += Buffer.byteLength(text)
    if (known.length > this.limits.message_bytes) {
      throw new FrameError(`a message is longer than ${this.limits.message_bytes} bytes`)
    }
    if (last !== true) return null
    this.#parts.delete(message)
    return this.#read(known.texts.join(''), true)
  }
}

/** Messages whose text has a key that begins with `$`: only those can hold escaped values.
 * @type {WeakSet<object>} */
export const MARKED = new WeakSet()

let partCount = 0

/**
 * The lines of a message: one, or parts of at most `frameBytes`.
 * @param {string} text
 * @param {number} frameBytes
 * @returns {string}
 */
export function framed(text, frameBytes) {
  // A character of a string is at most three bytes of UTF-8.
  if (text.length * 3 < frameBytes || Buffer.byteLength(text) <= frameBytes) return `${text}\n`
  // As the text of a JSON string a character is at most six bytes: \u0000.
  const size = Math.floor((frameBytes - 128) / 6)
  const message = ++partCount
  let lines = ''
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + size, text.length)
    // Never between the halves of a surrogate pair.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--
    const params = { message, text: text.slice(start, end), last: end === text.length }
    lines += `${JSON.stringify({ jsonrpc: '2.0', method: 'part', params })}\n`
    start = end
  }
  return lines
}
