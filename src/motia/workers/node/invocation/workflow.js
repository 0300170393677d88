// The durable calls of one execution. The node keeps the journal; the functions of steps stay here.
import { ApprovalExpiredError, WorkflowError } from '../authoring/errors.js'
import { epochMs, seconds } from '../authoring/durations.js'
import { MotiaError } from '../protocol/errors.js'
import { toWire } from '../protocol/values.js'
import { isSchemaObject, jsonSchemaOf, parseWith } from '../schemas/schema.js'
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
    const own = functions.add(work, timeoutS !== undefined, `workflow step '${name}': $`)
    const undoing = undo === undefined || undo === null ? undefined : functions.addUndo(undo)
    const call = {
      op: 'step',
      name: String(name),
      function: own.number,
      ...given({ undo: undoing?.number, version, key, retries, timeout_s: timeoutS }),
      ...given({ delay_s: optionalSeconds(delay, 'delay') }),
    }
    return this.#invocation.pending.watch(this.#running(call, own, undoing))
  }

  /** What a call gives that runs a function here. Failure: also the very error that the function threw, so that
   * `instanceof` works. @param {object} call @param {Named} own @param {Named} [undoing] */
  async #running(call, own, undoing) {
    const { functions } = this.#invocation
    try {
      return await this.#ask('context.workflow', { call })
    } catch (error) {
      if (undoing !== undefined) functions.forget(undoing.number)
      if (own.failure === undefined || error instanceof Suspension) throw error
      throw /** @type {any} */ (error).code === 'workflow.step_failed' ? error : own.failure.error
    } finally {
      functions.forget(own.number)
    }
  }

  /** @param {any} schema @param {any} options */
  approval(schema, { title, message, expires = '7d', notify, key } = {}) {
    const asksFor = approvalSchema(schema, this.#invocation.file)
    const own = notify === undefined || notify === null ? undefined : this.#invocation.functions.add(notify, false)
    const call = {
      op: 'approval',
      schema: asksFor,
      expires_s: seconds(expires, 'expires'),
      ...given({ title, message, key, notify: own?.number }),
    }
    const asked = own === undefined ? this.#ask('context.workflow', { call }) : this.#running(call, own)
    return this.#invocation.pending.watch(asked.then((answer) => answerOf(schema, answer)))
  }

  /** @param {unknown} value */
  setCustomStatus(value) {
    return this.#durable({ op: 'status', value: toWire(value) }, nothing)
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
    // Where the handler calls: an answer comes on a stack that does not know it.
    const { stack } = new Error()
    let result
    try {
      result = await this.#invocation.ask(method, params)
    } catch (error) {
      throw error instanceof MotiaError && error.code.startsWith('workflow.') ? refusal(error, stack) : error
    }
    if (result.suspended) throw new Suspension()
    return result.value
  }
}

/** @typedef {{number: number, work: Work, stoppable: boolean, root: string | undefined, failure: {error: unknown} | undefined}} Named */

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

  /** @param {unknown} work @param {boolean} stoppable Whether it is given an `AbortSignal`.
   * @param {string} [root] What errors call its result. @returns {Named} */
  add(work, stoppable, root) {
    if (typeof work !== 'function') {
      throw new WorkflowError(`ctx.step: expected a function, got ${work === null ? 'null' : typeof work}`, {
        code: 'workflow.bad_step',
        hint: "write ctx.step('charge', () => charge(order))",
        retryable: false,
      })
    }
    const named = { number: ++this.#last, work: /** @type {Work} */ (work), stoppable, root, failure: undefined }
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
      const { work, stoppable, root } = known
      const value = await work(...args, ...(stoppable ? [signal] : []))
      return value === undefined ? {} : { value: toWire(value, root) }
    } catch (error) {
      if (!signal.aborted) known.failure = { error }
      throw error
    }
  }
}

/** What a person is asked for, as JSON Schema. @param {any} schema @param {string | undefined} file */
function approvalSchema(schema, file) {
  if (schema !== null && (typeof schema === 'object' || isSchemaObject(schema))) return toWire(jsonSchemaOf(schema, file))
  throw new WorkflowError(`ctx.approval: expected a schema of the answer, got ${schema === null ? 'null' : typeof schema}`, {
    code: 'workflow.bad_approval',
    hint: "write ctx.approval(z.object({ approved: z.boolean() })), or give a JSON Schema",
    retryable: false,
  })
}

/** The answer as the schema gives it. @param {any} schema @param {unknown} answer */
async function answerOf(schema, answer) {
  if (!isSchemaObject(schema)) return answer
  const parsed = await parseWith(schema, answer)
  if (!('issues' in parsed)) return parsed.value
  const [{ path, message }] = parsed.issues
  throw new WorkflowError(
    `ctx.approval: expected an answer that the schema takes, got one it refuses at ${path.map(String).join('.') || 'the whole value'}: ${message}`,
    { code: 'workflow.approval_invalid', hint: 'say the rule in a way that JSON Schema has too, so that the person is told', retryable: false },
  )
}

/** @param {MotiaError} error @param {string} [stack] Of the call. */
function refusal({ code, message, data }, stack = '') {
  const Refusal = code === 'workflow.approval_expired' ? ApprovalExpiredError : WorkflowError
  const refused = new Refusal(message, { code, hint: data.hint, retryable: data.retryable, details: data.details })
  const lines = stack.indexOf('\n')
  if (lines > 0) refused.stack = `${refused.name}: ${message}${stack.slice(lines)}`
  return refused
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
