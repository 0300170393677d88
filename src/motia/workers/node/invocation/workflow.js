// The durable calls of one execution. The node keeps the journal; the functions of steps stay here.
import { WorkflowError } from '../authoring/errors.js'
import { epochMs, seconds } from '../authoring/durations.js'
import { MotiaError } from '../protocol/errors.js'
import { toWire } from '../protocol/values.js'
import { Suspension } from './pending.js'

/** @typedef {(...given: any[]) => unknown} Work */

export class Workflow {
  #invocation

  /** @param {import('./invocation.js').Invocation} invocation */
  constructor(invocation) {
    this.#invocation = invocation
  }

  /** @param {string} name @param {Work} work @param {any} [options] */
  step(name, work, options = {}) {
    const { undo, version, key, retries, delay, timeout } = options ?? {}
    const timeoutS = optionalSeconds(timeout, 'timeout')
    const { functions } = this.#invocation
    const own = functions.add(work, timeoutS !== undefined)
    const undoing = undo === undefined || undo === null ? undefined : functions.addUndo(undo)
    const asked = this.#ask('context.workflow', {
      call: {
        op: 'step',
        name: String(name),
        function: own.number,
        ...given({ undo: undoing?.number, version, key, retries, timeout_s: timeoutS }),
        ...given({ delay_s: optionalSeconds(delay, 'delay') }),
      },
    })
    const done = asked.then(
      (value) => {
        functions.forget(own.number)
        return value
      },
      (error) => {
        functions.forget(own.number)
        if (undoing !== undefined) functions.forget(undoing.number)
        if (error instanceof Suspension) throw error
        // The very error that the function threw: `catch (error) { if (error instanceof …)`.
        if (own.failure !== undefined && error.code !== 'workflow.step_failed') throw own.failure.error
        throw error
      },
    )
    return this.#invocation.pending.watch(done)
  }

  /** @param {any} duration */
  sleep(duration) {
    return this.#durable({ op: 'sleep', for_s: seconds(duration, 'sleep') }, nothing)
  }

  /** @param {any} when */
  sleepUntil(when) {
    return this.#durable({ op: 'sleep_until', at_ms: epochMs(when, 'sleepUntil') }, nothing)
  }

  /** @param {string} topic @param {any} [options] */
  waitFor(topic, { match, timeout, key } = {}) {
    const fields = match === undefined ? undefined : toWire(match)
    return this.#durable({
      op: 'wait',
      topic: String(topic),
      ...given({ match: fields, timeout_s: optionalSeconds(timeout, 'timeout'), key }),
    })
  }

  /** @param {string} name @param {any} [options] */
  waitForSignal(name, { timeout } = {}) {
    return this.#durable({ op: 'wait_for_signal', name: String(name), ...given({ timeout_s: optionalSeconds(timeout, 'timeout') }) })
  }

  /** @param {string} step @param {unknown} data @param {any} options */
  call(step, data, { key, durable } = {}) {
    const asked = this.#ask('context.call', { step: String(step), data: toWire(data), ...given({ key, durable }) })
    return this.#invocation.pending.watch(asked)
  }

  /** All results in order. The first failure counts, once all have ended. @param {unknown[]} calls */
  async gather(calls) {
    const ends = await Promise.all(calls.map((call) => this.#invocation.pending.endOf(call)))
    const failed = ends.find((end) => 'error' in end && !(end.error instanceof Suspension))
    if (failed !== undefined) throw /** @type {{error: unknown}} */ (failed).error
    if (ends.some((end) => 'error' in end)) return new Promise(() => {})
    return ends.map((end) => /** @type {{value: unknown}} */ (end).value)
  }

  /** @param {object} call @param {(value: any) => any} [then] */
  #durable(call, then = (value) => value) {
    return this.#invocation.pending.watch(this.#ask('context.workflow', { call }).then(then))
  }

  /** @param {string} method @param {object} params @returns {Promise<any>} */
  async #ask(method, params) {
    let result
    try {
      result = await this.#invocation.ask(method, params)
    } catch (error) {
      throw error instanceof MotiaError && error.code.startsWith('workflow.') ? refusal(error) : error
    }
    if (result.suspended) throw new Suspension()
    return result.value
  }
}

/** @typedef {{number: number, work: Work, stoppable: boolean, failure: {error: unknown} | undefined}} Named */

/** The functions that the durable calls of an invocation have named. */
export class Functions {
  /** @type {Map<number, Named>} */
  #known = new Map()
  /** @type {Set<number>} */
  #undo = new Set()
  #last = 0

  /** Whether something that was done can be undone by one of them. */
  get canUndo() {
    return this.#undo.size > 0
  }

  /** @param {unknown} work */
  addUndo(work) {
    const named = this.add(work, false)
    this.#undo.add(named.number)
    return named
  }

  /** @param {unknown} work @param {boolean} stoppable Whether it is given an `AbortSignal`. @returns {Named} */
  add(work, stoppable) {
    if (typeof work !== 'function') {
      throw new WorkflowError(`ctx.step: expected a function, got ${work === null ? 'null' : typeof work}`, {
        code: 'workflow.bad_step',
        hint: "write ctx.step('charge', () => charge(order))",
        retryable: false,
      })
    }
    const named = { number: ++this.#last, work: /** @type {Work} */ (work), stoppable, failure: undefined }
    this.#known.set(named.number, named)
    return named
  }

  /** @param {number} number */
  forget(number) {
    this.#known.delete(number)
    this.#undo.delete(number)
  }

  /** What a function gives, as the protocol writes it. Failure: what it throws.
   * @param {number} number @param {unknown[]} args @param {AbortSignal} signal */
  async run(number, args, signal) {
    const known = this.#known.get(number)
    if (known === undefined) {
      throw new MotiaError('worker.unknown_function', `run: expected a function of the invocation, got ${number}`)
    }
    known.failure = undefined
    try {
      const { work, stoppable } = known
      const value = await work(...args, ...(stoppable ? [signal] : []))
      return value === undefined ? {} : { value: toWire(value) }
    } catch (error) {
      if (!signal.aborted) known.failure = { error }
      throw error
    }
  }
}

/** @param {MotiaError} error */
function refusal({ code, message, data }) {
  return new WorkflowError(message, { code, hint: data.hint, retryable: data.retryable, details: data.details })
}

/** @param {Record<string, unknown>} members */
function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null))
}

/** @param {any} duration @param {string} where */
function optionalSeconds(duration, where) {
  return duration === undefined || duration === null ? undefined : seconds(duration, where)
}

function nothing() {
  return undefined
}
