// Key-value state, shared by all steps of all languages.
import { seconds } from '../authoring/durations.js'
import { UsageError } from '../authoring/errors.js'
import { toWire } from '../protocol/values.js'

/** @typedef {import('./invocation.js').Invocation} Invocation */

export class State {
  #invocation

  /** @param {Invocation} invocation */
  constructor(invocation) {
    this.#invocation = invocation
  }

  /** The value, or null. @param {string} scope @param {string} key @returns {Promise<any>} */
  get(scope, key) {
    return this.#read({ op: 'state.get', ...place(scope, key) }, (result) => result.value)
  }

  /** The value with its version, 0 where there is none. @param {string} scope @param {string} key
   * @returns {Promise<{value: any, version: number}>} */
  entry(scope, key) {
    return this.#read({ op: 'state.get', ...place(scope, key) }, ({ value, version }) => ({ value, version }))
  }

  /**
   * Store a value; resolves with it. `ttl` forgets it later, `ifVersion` stores only over that version.
   * @param {string} scope
   * @param {string} key
   * @param {any} value
   * @param {{ttl?: import('../authoring/durations.js').Duration, ifVersion?: number}} [options]
   * @returns {Promise<any>}
   */
  set(scope, key, value, options = {}) {
    const operation = {
      op: 'state.set',
      ...place(scope, key),
      value: toWire(value),
      ...ttl(options),
      ...(options.ifVersion !== undefined && { if_version: options.ifVersion }),
    }
    return this.#invocation.commit(operation, () => value)
  }

  /** Remove a key; resolves with its last value, or null. @param {string} scope @param {string} key
   * @returns {Promise<any>} */
  delete(scope, key) {
    return this.#invocation.commit({ op: 'state.delete', ...place(scope, key) }, (result) => result?.old ?? null)
  }

  /**
   * Apply set, merge, increment, decrement, append, remove as one atomic change.
   * @param {string} scope
   * @param {string} key
   * @param {any} operations One, or a list: `{ type: 'increment', path: 'views', by: 1 }`.
   * @param {{ttl?: import('../authoring/durations.js').Duration}} [options]
   * @returns {Promise<{old_value: any, new_value: any, version: number} | null>}
   */
  update(scope, key, operations, options = {}) {
    const operation = { op: 'state.update', ...place(scope, key), operations: [toWire(operations)].flat(), ...ttl(options) }
    return this.#invocation.commit(operation, changes)
  }

  /** Add to a number atomically; resolves with the new one. @param {string} scope @param {string} key @param {number} [by]
   * @returns {Promise<number>} */
  increment(scope, key, by = 1) {
    const operation = { op: 'state.update', ...place(scope, key), operations: [{ type: 'increment', path: '', by }] }
    return this.#invocation.commit(operation, (result) => result?.new ?? null)
  }

  /** All values of a scope, by key. @param {string} scope @returns {Promise<any[]>} */
  getGroup(scope) {
    return this.#read({ op: 'state.entries', scope: named(scope, 'scope') }, ({ entries }) => Object.values(entries))
  }

  /** All values of a scope, by key. @param {string} scope @returns {Promise<any[]>} */
  list(scope) {
    return this.getGroup(scope)
  }

  /** Keys and values of a scope. @param {string} scope @returns {Promise<Record<string, any>>} */
  entries(scope) {
    return this.#read({ op: 'state.entries', scope: named(scope, 'scope') }, ({ entries }) => entries)
  }

  /** Names of all scopes. @returns {Promise<string[]>} */
  listGroups() {
    return this.#read({ op: 'state.scopes' }, ({ scopes }) => scopes)
  }

  /** Remove every key of a scope. @param {string} scope @returns {Promise<void>} */
  clear(scope) {
    return this.#invocation.commit({ op: 'state.clear', scope: named(scope, 'scope') }, () => undefined)
  }

  /** @param {object} read @param {(result: any) => any} then */
  #read(read, then) {
    return this.#invocation.request('context.read', { read }, then)
  }
}

/** @param {unknown} scope @param {unknown} key */
const place = (scope, key) => ({ scope: named(scope, 'scope'), key: named(key, 'key') })

/** @param {unknown} value @param {string} what */
function named(value, what) {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  throw new UsageError(`state: expected a ${what} that is a text, got ${got}`, { hint: "state.set('orders', order.id, order)" })
}

/** @param {{ttl?: import('../authoring/durations.js').Duration}} options */
const ttl = (options) => (options.ttl === undefined ? {} : { ttl_s: seconds(options.ttl, 'ttl') })

/** @param {any} result */
export function changes(result) {
  return result === null ? null : { old_value: result.old, new_value: result.new, version: result.version }
}
