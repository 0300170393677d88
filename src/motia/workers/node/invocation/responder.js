// A response that the handler writes piece by piece instead of returning it.
import { Writable } from 'node:stream'

export class Responder {
  #status = 200
  /** @type {Record<string, string>} */
  #headers = {}
  #start
  #started = false
  /** @type {Writable | undefined} */
  #stream

  /**
   * @param {(head: {status: number, headers: Record<string, string>, body: AsyncIterable<any>}) => void} start
   *   Sends the head; the body follows as it is written.
   */
  constructor(start) {
    this.#start = start
  }

  /** Whether anything was written: the handler's return value then counts for nothing. */
  get started() {
    return this.#started
  }

  /** @param {number} status */
  status(status) {
    this.#status = status
    return this
  }

  /** @param {Record<string, string>} headers */
  headers(headers) {
    Object.assign(this.#headers, headers)
    return this
  }

  get stream() {
    return (this.#stream ??= this.#open())
  }

  /** @param {unknown} chunk */
  write(chunk) {
    return this.stream.write(chunk)
  }

  /** End the body; with nothing written, an empty one. */
  close() {
    if (!this.stream.writableEnded) this.stream.end()
  }

  end() {
    this.close()
  }

  #open() {
    /** @type {{chunk: any, done: () => void}[]} */
    const waiting = []
    /** @type {(() => void) | null} */
    let wake = null
    let ended = false
    /** @type {Error | null} */
    let failure = null
    const woken = () => {
      wake?.()
      wake = null
    }
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk, _, done) => {
        waiting.push({ chunk, done })
        this.#begin(body)
        woken()
      },
      final: (done) => {
        ended = true
        this.#begin(body)
        woken()
        done()
      },
      destroy: (error, done) => {
        failure = error
        ended = true
        woken()
        done(error)
      },
    })
    // Whoever reads the body meets it.
    stream.on('error', () => undefined)
    const body = {
      async *[Symbol.asyncIterator]() {
        try {
          for (;;) {
            const next = waiting.shift()
            if (next !== undefined) {
              yield next.chunk
              next.done()
            } else if (failure !== null) {
              throw failure
            } else if (ended) {
              return
            } else {
              await new Promise((/** @type {(value?: any) => void} */ resolve) => (wake = resolve))
            }
          }
        } finally {
          // The client left: whoever writes learns it as from a closed socket.
          if (!ended) stream.destroy()
        }
      },
    }
    return stream
  }

  /** @param {AsyncIterable<any>} body */
  #begin(body) {
    if (this.#started) return
    this.#started = true
    this.#start({ status: this.#status, headers: this.#headers, body })
  }
}
