// What a handler sees of its execution. Members may be taken apart: `({ emit, state, logger }) => …`.
import { inspect } from 'node:util'
import { UsageError, WorkflowError } from '../authoring/errors.js'
import { epochMs, seconds } from '../authoring/durations.js'
import { toWire } from '../protocol/values.js'
import { Bulks } from './bulks.js'
import { Logger } from './logger.js'
import { State } from './state.js'
import { StreamHandle } from './streams.js'
import { Workflow } from './workflow.js'

/** @typedef {import('./invocation.js').Invocation} Invocation */

const KINDS = /** @type {Record<string, string[]>} */ ({ http: ['http', 'api'], queue: ['queue', 'event'], manual: ['queue', 'event'] })

export class Context {
  #invocation
  #info
  /** @type {State | undefined} */
  #state
  /** @type {any} */
  #streams
  /** @type {Logger | undefined} */
  #logger
  /** @type {Workflow | undefined} */
  #workflow
  /** @type {unknown} What the trigger's `auth` returned; undefined without one. */
  user
  /** @type {any} The input the handler was given. */
  input

  /** @param {Invocation} invocation @param {Record<string, any>} info The context as the node sent it. */
  constructor(invocation, info) {
    this.#invocation = invocation
    this.#info = info
    this.user = info.user
  }

  // Identity

  /** Printed on its own, and beside every promise that is printed: not with all that the handler was given. */
  [inspect.custom]() {
    return `Context { step: '${this.stepName}', traceId: '${this.traceId}' }`
  }

  get traceId() {
    return this.#info.trace_id
  }

  get trace_id() {
    return this.#info.trace_id
  }

  /** The header of W3C Trace Context with which another service continues this trace. */
  get traceparent() {
    return `00-${this.#info.trace_id}-${this.#info.span_id}-01`
  }

  /** 1 for the first execution of a message, then 2, 3 … */
  get attempt() {
    return this.#info.attempt
  }

  get stepName() {
    return this.#info.step
  }

  get flows() {
    return this.#info.flows
  }

  get messageId() {
    return this.#info.message_id ?? null
  }

  /** When the handler must have ended; null without a limit. */
  get deadline() {
    return this.#info.deadline_ms === undefined ? null : new Date(this.#info.deadline_ms)
  }

  /** Aborted when the handler should stop: it timed out, or its node drains. */
  get signal() {
    return this.#invocation.signal
  }

  /** Fail the execution for an error that happened beside its handler. @param {unknown} error */
  fail(error) {
    this.#invocation.fail(error)
  }

  get cancelled() {
    return this.#invocation.signal.aborted
  }

  // Messages

  /**
   * Put a message on a topic: resolves with its id once it is durable. `enqueue({ topic, data })` or
   * `enqueue(topic, data, options)`; a list of the first form is one commit.
   */
  get enqueue() {
    return (/** @type {any} */ topic, /** @type {unknown} */ data, /** @type {any} */ options) => {
      if (Array.isArray(topic)) return this.#enqueue(topic.map((item) => messageOf(item)))
      return this.#first(messageOf(typeof topic === 'string' ? { ...options, topic, data } : topic))
    }
  }

  get emit() {
    return this.enqueue
  }

  /**
   * A message for each item, all in one commit: resolves with the id of the bulk, which `queue` follows as one.
   * `enqueueMany(topic, items, { group, delay, at })`.
   */
  get enqueueMany() {
    return (/** @type {string} */ topic, /** @type {Iterable<unknown>} */ items, /** @type {any} */ options = {}) => {
      const operation = { op: 'enqueue_many', topic: String(topic), items: toWire([...items]), ...placing(options ?? {}) }
      return this.#invocation.commit(operation, (id) => id)
    }
  }

  /** What became of bulks: `queue.bulk(id)`, `queue.cancelBulk(id)`. */
  get queue() {
    return new Bulks(this.#invocation)
  }

  /** A durable message to one step, by its id. */
  get triggerStep() {
    return (/** @type {string} */ step, /** @type {unknown} */ data, /** @type {any} */ options) =>
      this.#first({ step: String(step), data: toWire(data), ...timing(options ?? {}) })
  }

  /**
   * Wait for what another step returns. Where a queue drives the handler the call is durable: a message of its own,
   * with its own retries, and the run waits for it without holding anything.
   */
  get call() {
    return (/** @type {string} */ step, /** @type {unknown} */ data, /** @type {any} */ options = {}) =>
      this.#durable.call(step, data, options ?? {})
  }

  /** @param {any} message @returns {Promise<string>} */
  #first(message) {
    return this.#invocation.commit({ op: 'enqueue', messages: [message] }, (ids) => ids[0])
  }

  /** @param {any[]} messages @returns {Promise<string[]>} */
  #enqueue(messages) {
    if (messages.length === 0) return Promise.resolve([])
    return this.#invocation.commit({ op: 'enqueue', messages }, (ids) => ids)
  }

  // Workflow: what a run remembers. Each of these is done once, whatever happens between two of them.

  get #durable() {
    return (this.#workflow ??= new Workflow(this.#invocation))
  }

  /** Id of the run: that of its message, the same over all attempts. */
  get runId() {
    if (this.messageId !== null) return this.messageId
    throw new WorkflowError(`${this.stepName}: expected a handler that a message of a queue drives, got ${this.trigger.type}`, {
      code: 'workflow.not_durable',
      retryable: false,
    })
  }

  /** Call `work` once in the life of the run: `step('charge', () => charge(order), { undo: refund, retries: 3 })`. */
  get step() {
    return (/** @type {string} */ name, /** @type {any} */ work, /** @type {any} */ options = {}) =>
      this.#durable.step(name, work, options)
  }

  get sleep() {
    return (/** @type {any} */ duration) => this.#durable.sleep(duration)
  }

  get sleepUntil() {
    return (/** @type {any} */ when) => this.#durable.sleepUntil(when)
  }

  /** The payload of the first event of `topic` whose fields equal `match`. */
  get waitFor() {
    return (/** @type {string} */ topic, /** @type {any} */ options = {}) => this.#durable.waitFor(topic, options)
  }

  get waitForSignal() {
    return (/** @type {string} */ name, /** @type {any} */ options = {}) => this.#durable.waitForSignal(name, options)
  }

  /**
   * Ask a person, and wait for the answer: `approval(z.object({ approved: z.boolean() }), { expires: '2d', notify })`.
   * Failure: `ApprovalExpiredError` where nobody answered in time.
   */
  get approval() {
    return (/** @type {any} */ schema, /** @type {any} */ options = {}) => this.#durable.approval(schema, options ?? {})
  }

  /** Say where the run stands, to whoever asks by `getRun`, `motia runs show` or in the Workbench. */
  get setCustomStatus() {
    return (/** @type {unknown} */ value) => this.#durable.setCustomStatus(value)
  }

  /** How a run stands, from any handler; null where there is no such run. */
  get getRun() {
    return (/** @type {string} */ runId, /** @type {any} */ options = {}) => {
      const step = options?.step
      const read = { op: 'run', run_id: String(runId), ...(step !== undefined && step !== null && { step: String(step) }) }
      return this.#invocation.request('context.read', { read }, ({ run }) => runStateOf(run))
    }
  }

  /** Wait for several durable calls at once: the first failure counts once all have ended. */
  get gather() {
    return (/** @type {unknown[]} */ ...calls) => this.#durable.gather(calls.length === 1 && Array.isArray(calls[0]) ? calls[0] : calls)
  }

  /** Send a signal to a run, which may come to wait for it later. */
  get sendSignal() {
    return (/** @type {string} */ runId, /** @type {string} */ name, /** @type {unknown} */ data) =>
      this.#invocation.commit({ op: 'signal', run_id: String(runId), name: String(name), data: toWire(data) }, () => undefined)
  }

  // Services

  get state() {
    return (this.#state ??= new State(this.#invocation))
  }

  /** `streams.chat` is the stream `chat`. */
  get streams() {
    return (this.#streams ??= new Proxy(Object.create(null), {
      get: (_, name) => (typeof name === 'string' && name !== 'then' ? this.stream(name) : undefined),
    }))
  }

  /** @param {string} name */
  stream(name) {
    return new StreamHandle(this.#invocation, name)
  }

  get logger() {
    return (this.#logger ??= new Logger(this.#invocation))
  }

  get utils() {
    return { dates: { now: () => new Date(), iso: () => new Date().toISOString() } }
  }

  /**
   * Make the writes of `work` one commit: all of them, or none. Reads inside see them. `settle` also
   * completes the message with them. What a write resolves with is known only afterwards: null.
   */
  get atomic() {
    return async (/** @type {() => unknown} */ work, { settle = false } = {}) => {
      const ask = (/** @type {string} */ action) => this.#invocation.request('context.atomic', { action, settle }, () => undefined)
      await ask('begin')
      let result
      try {
        result = await work()
      } catch (error) {
        await ask('abandon')
        throw error
      }
      await ask('commit')
      return result
    }
  }

  // Triggers

  /** Which trigger fired: `type`, `index`, `topic`, `path`, `method`, `expression`. */
  get trigger() {
    const { type, ...rest } = this.#info.trigger
    return { type: type === 'manual' ? 'queue' : type, ...rest }
  }

  /** `ctx.is.http()`, `.api()`, `.queue()`, `.event()`, `.cron()`, `.state()`, `.stream()`. */
  get is() {
    const { type } = this.trigger
    const is = (/** @type {string} */ kind) => () => type === kind
    return { http: is('http'), api: is('http'), queue: is('queue'), event: is('queue'), cron: is('cron'), state: is('state'), stream: is('stream') }
  }

  /** The body of a request, else the input; undefined for a tick. */
  get getData() {
    return () => {
      const { type } = this.trigger
      if (type === 'http') return this.input?.body
      return type === 'cron' ? undefined : this.input
    }
  }

  /** Run the branch of the trigger that fired: `http`, `queue`, `cron`, `state`, `stream`, `default`. */
  get match() {
    return async (/** @type {Record<string, (input: any) => unknown>} */ branches) => {
      const kind = this.trigger.type
      const name = [...(KINDS[kind] ?? [kind]), 'default'].find((known) => typeof branches[known] === 'function')
      if (name === undefined) {
        const got = Object.keys(branches).join(', ') || 'none'
        throw new UsageError(`ctx.match: expected a branch for '${kind}', got ${got}`, {
          code: 'match.no_branch',
          hint: `add ${kind} or default`,
        })
      }
      return branches[name](this.input)
    }
  }
}

/** @param {any} run As the protocol tells it. */
function runStateOf(run) {
  if (run === null) return null
  const { custom_status: customStatus, due_at_ms: dueAtMs, ...rest } = run
  return { ...rest, customStatus, dueAt: dueAtMs === null ? null : new Date(dueAtMs) }
}

/** @param {any} given */
function messageOf(given) {
  const topic = given?.topic ?? given?.type
  if (typeof topic !== 'string' || topic === '') {
    throw new UsageError(`enqueue: expected a topic, got ${JSON.stringify(topic)}`, {
      code: 'enqueue.no_topic',
      hint: "write enqueue({ topic: 'order.created', data })",
    })
  }
  return { topic, data: toWire(given.data), ...placing(given) }
}

/** @param {any} options */
function placing(options) {
  const group = options.group ?? options.messageGroupId ?? options.groupId
  return { ...(group !== undefined && group !== null && { group: String(group) }), ...timing(options) }
}

/** @param {{delay?: any, at?: any}} options */
function timing({ delay, at }) {
  return {
    ...(delay !== undefined && delay !== null && { delay_s: seconds(delay, 'delay') }),
    ...(at !== undefined && at !== null && { at_ms: epochMs(at, 'at') }),
  }
}
