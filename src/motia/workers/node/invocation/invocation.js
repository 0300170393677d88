// One execution of a step: its calls to the node, its logs, and the wish to stop it.
import { running } from '../authoring/current.js'
import { Pending } from './pending.js'
import { Functions } from './workflow.js'

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
  /** @type {Functions | undefined} */
  #functions
  /** @type {import('./context.js').Context | undefined} */
  context
  /** @type {Pending | undefined} */
  #pending
  /** @type {string | undefined} Where its handler stands: its own copy of Zod reads the schemas of its answers. */
  file

  /**
   * `failed` is called when it failed beside its handler, `suspended` when its handler does nothing any more but
   * wait: nobody waits for the handler then.
   * @param {Connection} connection
   * @param {number} id
   * @param {{failed: (error: unknown) => void, suspended: () => void}} ended
   */
  constructor(connection, id, ended) {
    this.#connection = connection
    this.#id = id
    this.#ended = ended
  }

  /** What its handler began; made when it begins something: most handlers never do. */
  get pending() {
    if (this.#pending === undefined) {
      this.#pending = new Pending()
      this.#pending.onStill = () => {
        if (this.#answered) return
        this.answer({ outcome: 'suspended' })
        this.#ended.suspended()
      }
    }
    return this.#pending
  }

  /** Whether nothing that was begun is left to wait for. */
  get isSettled() {
    return this.#pending === undefined || this.#pending.isEmpty
  }

  /** What its durable calls have named. */
  get functions() {
    return (this.#functions ??= new Functions())
  }

  get canUndo() {
    return this.#functions !== undefined && this.#functions.canUndo
  }

  /** Run one of its functions, as the step that it belongs to. @param {number} number @param {unknown[]} args
   * @param {AbortSignal} signal */
  runFunction(number, args, signal) {
    const run = () => this.functions.run(number, args, signal)
    return this.context === undefined ? run() : running.run(this.context, run)
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
    this.#ended.failed(error)
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
    return this.pending.watch(this.ask(method, params).then(then))
  }

  /** A call that nothing here waits for. @param {string} method @param {object} params @returns {Promise<any>} */
  ask(method, params) {
    return this.#connection.call(method, { invocation: this.#id, ...params })
  }

  /** Whose line it is, for the node that has forgotten the invocation: it was answered. */
  get #origin() {
    return { step: this.context?.stepName, trace_id: this.context?.traceId }
  }

  /** @param {import('./logger.js').Level} level @param {string} message @param {unknown[]} data At most one. */
  log(level, message, ...data) {
    const line = { invocation: this.#id, level, message: message.toWellFormed(), ...(this.#answered && this.#origin) }
    this.#connection.notify('log', data.length === 0 ? line : { ...line, data: data[0] })
  }
}

/** @param {string} reason */
export function stopError(reason) {
  return new DOMException(`the handler was asked to stop: ${reason}`, reason === 'timed_out' ? 'TimeoutError' : 'AbortError')
}
