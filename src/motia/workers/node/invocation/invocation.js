// One execution of a step: its calls to the node, its logs, and the wish to stop it.
import { Pending } from './pending.js'

/** @typedef {import('../protocol/connection.js').Connection} Connection */

export class Invocation {
  #connection
  #id
  /** @type {AbortController | undefined} */
  #stopping
  /** @type {string | undefined} */
  #stopReason
  /** @type {((error: unknown) => void) | undefined} */
  #giveUp
  pending = new Pending()

  /** @param {Connection} connection @param {number} id */
  constructor(connection, id) {
    this.#connection = connection
    this.#id = id
  }

  /** @returns {AbortSignal} */
  get signal() {
    if (this.#stopping === undefined) {
      this.#stopping = new AbortController()
      if (this.#stopReason !== undefined) this.#stopping.abort(stopError(this.#stopReason))
    }
    return this.#stopping.signal
  }

  /** Ask the handler to stop. @param {string} reason */
  stop(reason) {
    this.#stopReason = reason
    this.#stopping?.abort(stopError(reason))
  }

  /** Fail it for an error that happened beside the handler: in a timer or a callback. @param {unknown} error */
  fail(error) {
    this.#giveUp?.(error)
  }

  /** A promise that rejects once `fail` is called. @returns {Promise<never>} */
  get failure() {
    return new Promise((_, reject) => {
      this.#giveUp = reject
    })
  }

  /**
   * One write; resolves when it is durable.
   * @template T
   * @param {object} operation
   * @param {(result: any) => T} then
   * @returns {Promise<T>}
   */
  commit(operation, then) {
    return this.request('context.commit', { operations: [operation] }, ({ results }) => then(results[0]))
  }

  /**
   * @template T
   * @param {string} method
   * @param {object} params
   * @param {(result: any) => T} then
   * @returns {Promise<T>}
   */
  request(method, params, then) {
    return this.pending.watch(this.#connection.call(method, { invocation: this.#id, ...params }).then(then))
  }

  /** @param {import('./logger.js').Level} level @param {string} message @param {unknown[]} data At most one. */
  log(level, message, ...data) {
    const line = { invocation: this.#id, level, message: message.toWellFormed() }
    this.#connection.notify('log', data.length === 0 ? line : { ...line, data: data[0] })
  }
}

/** @param {string} reason */
function stopError(reason) {
  return new DOMException(`the handler was asked to stop: ${reason}`, reason === 'timed_out' ? 'TimeoutError' : 'AbortError')
}
