// The node's side of a step that is tested: what it writes and reads, in memory.
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

  /** @param {{state?: Record<string, Record<string, any>>, streams?: any, calls?: Record<string, (data: any) => any>}} kept */
  constructor({ state = {}, streams = {}, calls = {} }) {
    this.#state = state
    this.#streams = streams
    this.#calls = calls
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
    return {}
  }

  /** @param {any} operation */
  #write(operation) {
    const { op, scope, key, stream, group, id } = operation
    if (op === 'enqueue') {
      this.enqueued.push(...operation.messages)
      return operation.messages.map((/** @type {any} */ _, /** @type {number} */ index) => `message-${this.enqueued.length - index}`)
    }
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
  #read({ op, scope, key, stream, group, id }) {
    const copy = (/** @type {any} */ value) => structuredClone(value ?? null)
    switch (op) {
      case 'state.get':
        return { value: copy(this.#state[scope]?.[key]), version: key in (this.#state[scope] ?? {}) ? 1 : 0 }
      case 'state.entries':
        return { entries: copy(this.#state[scope] ?? {}) }
      case 'state.scopes':
        return { scopes: Object.keys(this.#state).sort() }
      case 'stream.get':
        return { item: copy(this.#streams[stream]?.[group]?.[id]) }
      default:
        return { items: Object.values(copy(this.#streams[stream]?.[group] ?? {})) }
    }
  }
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
