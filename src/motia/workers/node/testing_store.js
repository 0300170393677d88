// The node's side of a step that is tested: what it writes and reads, in memory.
import { isDeepStrictEqual } from 'node:util'
import { MotiaError } from './protocol/errors.js'
import { fromWire } from './protocol/values.js'

export class TestStore {
  limits = { stream_items: 64 }
  /** @type {any[]} */
  enqueued = []
  /** @type {any[]} */
  logs = []
  /** @type {any} */
  answered
  #state
  #streams
  #calls
  #events
  #signals
  #approvals
  #runs
  /** @type {unknown} What the run said last of where it stands. */
  customStatus
  /** @type {import('./invocation/invocation.js').Invocation | undefined} */
  invocation

  /** @param {{state?: Record<string, Record<string, any>>, streams?: any, calls?: Record<string, (data: any) => any>,
   *   events?: Record<string, any[]>, signals?: Record<string, any>,
   *   approvals?: any[], runs?: Record<string, any>}} kept */
  constructor({ state = {}, streams = {}, calls = {}, events = {}, signals = {}, approvals = [], runs = {} }) {
    this.#state = state
    this.#streams = streams
    this.#calls = calls
    this.#events = events
    this.#signals = signals
    this.#approvals = [...approvals]
    this.#runs = runs
  }

  /** The answer of a handler that writes its response. @param {number} _id @param {any} outcome */
  answer(_id, outcome) {
    this.answered = outcome
  }

  /** @param {string} _method @param {any} line */
  notify(_method, { level, message, data }) {
    this.logs.push(data === undefined ? { level, message } : { level, message, data })
  }

  /** @param {string} method @param {any} params */
  async call(method, params) {
    if (method === 'context.commit') return { results: params.operations.map((/** @type {any} */ one) => this.#write(fromWire(one))) }
    if (method === 'context.read') return this.#read(params.read)
    if (method === 'context.call') return { value: await this.#calls[params.step]?.(params.data) }
    if (method === 'context.workflow') return this.#durable(params.call)
    return {}
  }

  /** @param {any} call */
  async #durable({ op, notify, topic, match = {}, name, function: number, retries = 0, value }) {
    if (op === 'step') return { value: fromWire(await this.#step(name, number, retries)) ?? null }
    if (op === 'wait_for_signal') return name in this.#signals ? { value: this.#signals[name] } : { suspended: true }
    if (op === 'status') this.customStatus = value
    if (op === 'approval') return this.#approval(notify)
    if (op !== 'wait') return { value: null }
    const fits = (/** @type {any} */ event) =>
      Object.entries(match).every(([path, wanted]) => isDeepStrictEqual(at(event, path), wanted))
    const found = (this.#events[topic] ?? []).find(fits)
    return found === undefined ? { suspended: true } : { value: found }
  }

  /** The next answer that the test gives. @param {number | undefined} notify */
  async #approval(notify) {
    if (notify !== undefined) await this.invocation?.runFunction(notify, ['https://approval.test'], new AbortController().signal)
    return this.#approvals.length === 0 ? { suspended: true } : { value: this.#approvals.shift() }
  }

  /** @param {string} name @param {number} number @param {number} retries @returns {Promise<any>} */
  async #step(name, number, retries) {
    for (let left = retries; ; left--) {
      try {
        const done = await this.invocation?.runFunction(number, [], new AbortController().signal)
        return /** @type {any} */ (done).value
      } catch (error) {
        if (left > 0) continue
        if (retries === 0) throw error
        throw new MotiaError('workflow.step_failed', `workflow step '${name}' failed for good: ${String(error)}`)
      }
    }
  }

  /** @param {any} operation */
  #write(operation) {
    const { op, scope, key, stream, group, id } = operation
    if (op === 'signal') return {}
    if (op === 'enqueue') {
      this.enqueued.push(...operation.messages)
      return operation.messages.map((/** @type {any} */ _, /** @type {number} */ index) => `message-${this.enqueued.length - index}`)
    }
    if (op === 'enqueue_many') {
      const { topic, items, op: _, ...placing } = operation
      this.enqueued.push(...items.map((/** @type {any} */ data) => ({ topic, data, ...placing })))
      return `bulk-${this.enqueued.length}`
    }
    if (op === 'bulk.cancel') return { cancelled: 0 }
    const [table, name] = op.startsWith('state.')
      ? [(this.#state[scope] ??= {}), key]
      : [((this.#streams[stream] ??= {})[group] ??= {}), id]
    const old = structuredClone(table[name] ?? null)
    if (op === 'state.clear') delete this.#state[scope]
    else if (op.endsWith('.delete')) delete table[name]
    else if (op === 'state.set') table[name] = operation.value
    else if (op === 'stream.set') return (table[name] = { ...operation.data, id })
    else if (op.endsWith('.update')) table[name] = operation.operations.reduce(changed, table[name] ?? null)
    return { old, new: table[name] ?? null, version: 1 }
  }

  /** @param {any} read */
  #read({ op, scope, key, stream, group, id, run_id: runId }) {
    const copy = (/** @type {any} */ value) => structuredClone(value ?? null)
    switch (op) {
      case 'state.get':
        return { value: copy(this.#state[scope]?.[key]), version: key in (this.#state[scope] ?? {}) ? 1 : 0 }
      case 'state.entries':
        return { entries: copy(this.#state[scope] ?? {}) }
      case 'state.scopes':
        return { scopes: Object.keys(this.#state).sort() }
      case 'bulk':
        return { bulk: null }
      case 'run': {
        const { customStatus = null, dueAt = null, ...run } = this.#runs[runId] ?? {}
        return { run: runId in this.#runs ? { id: runId, ...copy(run), custom_status: copy(customStatus), due_at_ms: dueAt?.getTime() ?? null } : null }
      }
      case 'stream.get':
        return { item: copy(this.#streams[stream]?.[group]?.[id]) }
      default:
        return { items: Object.values(copy(this.#streams[stream]?.[group] ?? {})) }
    }
  }
}

/** What stands at `order.id` of an event. @param {any} value @param {string} path */
function at(value, path) {
  return path.split('.').reduce((inside, part) => inside?.[part], value)
}

/** One update operation on a value. @param {any} value @param {any} operation @returns {any} */
function changed(value, { type, path = [], value: given, by }) {
  const [first, ...rest] = Array.isArray(path) ? path : String(path).split('.').filter(Boolean)
  if (first !== undefined) {
    const inside = changed(value?.[first] ?? null, { type, path: rest, value: given, by })
    const copy = Array.isArray(value) ? [...value] : { ...value }
    if (type === 'remove' && rest.length === 0) delete copy[first]
    else copy[first] = inside
    return copy
  }
  switch (type) {
    case 'increment':
      return (value ?? 0) + (by ?? given ?? 1)
    case 'decrement':
      return (value ?? 0) - (by ?? given ?? 1)
    case 'append':
      return [...(value ?? []), given]
    case 'merge':
      return { ...value, ...given }
    default:
      return type === 'remove' ? null : given
  }
}
