// The request as handlers see it, with the names that all dialects use for its parts.
import { Readable } from 'node:stream'
import { UsageError } from '../authoring/errors.js'

export class Request {
  #raw
  #openResponse

  /** @param {Record<string, any>} request As the node sent it. @param {(() => Responder) | null} openResponse */
  constructor(request, openResponse) {
    this.method = request.method
    this.path = request.path
    this.route = request.route
    this.headers = request.headers
    this.pathParams = request.path_params
    this.queryParams = request.query_params
    this.body = request.body
    this.client = request.client
    // Left out where the body is what came.
    this.#raw = request.raw_body ?? (typeof request.body === 'string' || request.body instanceof Uint8Array ? request.body : '')
    this.#openResponse = openResponse
  }

  get params() {
    return this.pathParams
  }

  set params(value) {
    this.pathParams = value
  }

  get query() {
    return this.queryParams
  }

  set query(value) {
    this.queryParams = value
  }

  /** The body as it came, as text. */
  get rawBody() {
    return this.rawBytes.toString('utf8')
  }

  /** The body as it came. */
  get rawBytes() {
    return Buffer.from(this.#raw)
  }

  get cookies() {
    const pairs = (this.headers.cookie ?? '').split(';').map((/** @type {string} */ pair) => pair.trim().split(/=(.*)/s))
    return Object.fromEntries(pairs.filter((/** @type {string[]} */ [name]) => name !== '').map((/** @type {string[]} */ [name, value = '']) => [name, decoded(value)]))
  }

  /** The same request: `({ request, response }, ctx)` takes it apart. */
  get request() {
    return this
  }

  /** The body as a stream: `requestBody.stream`. */
  get requestBody() {
    const bytes = this.rawBytes
    return { stream: Readable.from(bytes.length === 0 ? [] : [bytes]), readAll: () => Promise.resolve(bytes) }
  }

  /** Writer of a streamed response: `response.status(200); response.headers({}); response.stream.write(text)`. */
  get response() {
    if (this.#openResponse === null) {
      throw new UsageError('response: expected a request, got a run by hand', { hint: 'return the response instead' })
    }
    return this.#openResponse()
  }
}

/** @typedef {import('./responder.js').Responder} Responder */

/** @param {string} value */
function decoded(value) {
  try {
    return decodeURIComponent(value.replace(/^"(.*)"$/, '$1'))
  } catch {
    return value
  }
}
