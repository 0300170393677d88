// The order in which messages leave: short ones at once, a long one in parts, as the node takes them in.

/** @typedef {{text: string, lane: string | undefined}} Held */

export class Outbox {
  #write
  #credit = 0
  #count = 0
  #text = ''
  #sent = 0
  /** @type {Held[]} */
  #held = []
  /** @type {Set<string>} */
  #lanes = new Set()
  #frameBytes = 0
  /** Whether a long message is under way: short ones pass it, but for those of its own lane. */
  isBusy = false

  /** @param {(line: string) => void} write */
  constructor(write) {
    this.#write = write
  }

  /** @param {{frame_bytes: number, message_parts: number}} limits */
  useLimits({ frame_bytes: frameBytes, message_parts: parts }) {
    this.#frameBytes = frameBytes
    this.#credit = parts
  }

  /** Send a message. What is of one lane arrives in the order it was put. @param {string} text @param {string} [lane] */
  put(text, lane) {
    this.#place(text, lane)
    this.#pour()
  }

  /** The node has taken in so many parts. @param {number} parts */
  addCredit(parts) {
    this.#credit += parts
    this.#pour()
  }

  /** @param {string} text @param {string | undefined} lane */
  #place(text, lane) {
    if (!isLonger(text, this.#frameBytes) && (lane === undefined || !this.#lanes.has(lane))) {
      this.#write(`${text}\n`)
      return
    }
    if (lane !== undefined) this.#lanes.add(lane)
    if (this.isBusy) {
      this.#held.push({ text, lane })
      return
    }
    this.isBusy = true
    this.#text = text
    this.#sent = 0
    this.#count++
  }

  #pour() {
    // As the text of a JSON string a character is at most six bytes: \u0000.
    const size = Math.floor((this.#frameBytes - 128) / 6)
    while (this.isBusy && this.#credit > 0) {
      this.#credit--
      let end = Math.min(this.#sent + size, this.#text.length)
      // Never between the halves of a surrogate pair.
      if (end < this.#text.length && (this.#text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--
      const last = end === this.#text.length
      const params = { message: this.#count, text: this.#text.slice(this.#sent, end), last }
      this.#write(`${JSON.stringify({ jsonrpc: '2.0', method: 'part', params })}\n`)
      this.#sent = end
      if (last) this.#next()
    }
  }

  #next() {
    this.isBusy = false
    this.#text = ''
    this.#lanes.clear()
    const held = this.#held
    this.#held = []
    for (const { text, lane } of held) this.#place(text, lane)
  }
}

/** Whether a text takes more bytes. @param {string} text @param {number} bytes */
export function isLonger(text, bytes) {
  // A character of a string is at most three bytes of UTF-8.
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}
