// Bytes in, messages out: one JSON text a line, longer ones put together from parts.
import { isUtf8 } from 'node:buffer'

const LINE_FEED = 10

/** What cannot be read: the connection is given up. */
export class FrameError extends Error {}

export class FrameReader {
  /** @type {Buffer[]} */
  #waiting = []
  #waitingBytes = 0
  /** @type {{message: number, texts: string[], length: number} | null} What comes in parts now. */
  #long = null
  #tookPart
  limits = { frame_bytes: 1024 * 1024, message_bytes: 64 * 1024 * 1024 }

  /** @param {() => void} tookPart Called for every part: the sender may send another. */
  constructor(tookPart) {
    this.#tookPart = tookPart
  }

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
    this.#long ??= { message, texts: [], length: 0 }
    const long = this.#long
    if (long.message !== message) throw new FrameError('a part of another message came in between')
    long.texts.push(text)
    long.length += Buffer.byteLength(text)
    if (long.length > this.limits.message_bytes) {
      throw new FrameError(`a message is longer than ${this.limits.message_bytes} bytes`)
    }
    this.#tookPart()
    if (last !== true) return null
    this.#long = null
    return this.#read(long.texts.join(''), true)
  }
}

/** Messages whose text has a key that begins with `$`: only those can hold escaped values.
 * @type {WeakSet<object>} */
export const MARKED = new WeakSet()
