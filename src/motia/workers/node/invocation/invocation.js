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
  #ended
  #answered = false
  pending = new Pending()

  /** @param {Connection} connection @param {number} id @param {(error?: unknown) => void} ended Called once, when
   * it failed beside its handler: nobody waits for the handler any more. */
  constructor(connection, id, ended = () => undefined) {
    this.#connection = connection
    this.#id = id
    this.#ended = ended
  }

  /** Answer the node, unless that was done: a handler that writes its response is answered when it begins to.
   * Failure: `MotiaError` for an answer that is too large. @param {object} outcome */
  answer(outcome) {
    if (this.#answered) return
    this.#connection.answer(this.#id, outcome)
    this.#answered = true
  }

  /** @param {{code: number, message: string, data?: object}} error */
  refuse(error) {
    if (this.#answered) return
    this.#answered = true
    this.#connection.refuse(this.#id, error)
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
    this.#ended(error)
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
