// Values of handlers as JSON: what JSON cannot carry is an error that names its path.
import { MotiaError, withoutOwnFrames } from './errors.js'

const MAX_DEPTH = 64
const ESCAPES = new Set(['$bytes', '$stream', '$literal'])

/**
 * The value as the protocol writes it. Bytes are marked, dates and others say themselves through `toJSON`,
 * undefined members and functions are left out as JSON leaves them out.
 * Failure: `MotiaError` `value.not_json` with the path.
 * @param {unknown} value
 * @param {string} [path]
 * @param {number} [depth]
 * @returns {any}
 */
export function toWire(value, path = '$', depth = 0) {
  room = limitBytes
  const plain = isWire(value, depth)
  // Told before a text is made of it: that could take all memory there is.
  if (room < 0) throw tooLarge(value, limitBytes)
  if (plain) return value
  room = limitBytes
  const changed = changedToWire(value, path, depth)
  if (room < 0) throw tooLarge(changed, limitBytes)
  return changed
}

let limitBytes = Infinity
/** What is left of it for the value that is looked at. */
let room = Infinity

/** How long the text of a value may be, as the node says. @param {number} bytes */
export function limitValues(bytes) {
  limitBytes = bytes
}

/** The error that names the largest member. @param {any} value @param {number} limit */
export function tooLarge(value, limit) {
  const [path, bytes] = largest(value)
  return new MotiaError(
    'result.too_large',
    `${path}: expected a message of at most ${limit} bytes, got ${bytes} in its largest member`,
    {
      type: 'ValueError',
      retryable: false,
      hint: 'stream the body of a response; keep other large data in a file or a bucket, and pass its address',
    },
  )
}

/** The path of the largest member, down to where no member is most of it.
 * @param {any} value @param {string} [path] @param {number} [bytes] @returns {[string, number]} */
function largest(value, path = '$', bytes = leastBytes(value)) {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || '$bytes' in value) return [path, bytes]
  const members = Object.entries(value).map(([key, item]) => ({
    at: Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`,
    item,
    bytes: leastBytes(item),
  }))
  const most = members.reduce((a, b) => (b.bytes > a.bytes ? b : a), { at: path, item: null, bytes: 0 })
  return most.bytes * 2 > bytes ? largest(most.item, most.at, most.bytes) : [path, bytes]
}

/** What the text of a value takes at least. @param {any} value @param {number} [depth] @returns {number} */
function leastBytes(value, depth = 0) {
  if (typeof value === 'string') return value.length + 2
  if (value === null || typeof value !== 'object' || depth > MAX_DEPTH) return 1
  if (value instanceof Uint8Array) return Math.ceil(value.byteLength / 3) * 4
  let bytes = 2
  for (const key of Object.keys(value)) bytes += leastBytes(value[key], depth + 1) + (Array.isArray(value) ? 1 : key.length + 4)
  return bytes
}

/** Whether the value can go out as it is. Most can; looking costs much less than writing another.
 * @param {any} value @param {number} depth @returns {boolean} */
function isWire(value, depth) {
  switch (typeof value) {
    case 'string':
      return (room -= value.length) >= 0 && value.isWellFormed()
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth > MAX_DEPTH) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) {
    room -= value.length
    for (let index = 0; index < value.length; index++) if (!isWire(value[index], depth + 1)) return false
    return true
  }
  if (prototype !== Object.prototype) return false
  const keys = Object.keys(value)
  if (keys.length === 1 && ESCAPES.has(keys[0])) return false
  for (const key of keys) {
    room -= key.length
    if (!isWire(value[key], depth + 1) || !key.isWellFormed()) return false
  }
  return true
}

/** @param {unknown} value @param {string} path @param {number} depth @returns {any} */
function changedToWire(value, path, depth) {
  switch (typeof value) {
    case 'string':
      room -= value.length
      if (!value.isWellFormed()) throw notJson(path, 'text with whole characters', 'a lone surrogate')
      return value
    case 'number':
      if (!Number.isFinite(value)) throw notJson(path, 'a finite number', String(value))
      return value
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : objectToWire(value, path, depth)
    case 'bigint':
      throw notJson(path, 'a value that JSON can carry', 'a BigInt', 'turn it into a text: String(value)')
    case 'symbol':
      throw notJson(path, 'a value that JSON can carry', 'a symbol')
    default:
      return null
  }
}

/** @param {object} value @param {string} path @param {number} depth @returns {any} */
function objectToWire(value, path, depth) {
  if (depth > MAX_DEPTH) {
    throw notJson(`${path.slice(0, 60)}…`, `at most ${MAX_DEPTH} levels`, 'more, or a value that holds itself')
  }
  if (Array.isArray(value)) return value.map((item, index) => changedToWire(item, `${path}[${index}]`, depth + 1))
  if (value instanceof Uint8Array) {
    if ((room -= value.byteLength) < 0) return value
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  const { toJSON } = /** @type {any} */ (value)
  if (typeof toJSON === 'function') return changedToWire(toJSON.call(value, ''), path, depth + 1)
  if (value instanceof ArrayBuffer) return changedToWire(new Uint8Array(value), path, depth)
  if (value instanceof Map || value instanceof Set) {
    const hint = value instanceof Map ? 'Object.fromEntries(map)' : '[...set]'
    throw notJson(path, 'a value that JSON can carry', `a ${value.constructor.name}`, `write ${hint}`)
  }
  if (value instanceof Promise) throw notJson(path, 'a value that JSON can carry', 'a Promise', 'await it')
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return changedToWire(value.valueOf(), path, depth)
  }
  /** @type {Record<string, any>} */
  const result = {}
  let count = 0
  for (const key of Object.keys(value)) {
    const item = /** @type {any} */ (value)[key]
    if (item === undefined || typeof item === 'function' || typeof item === 'symbol') continue
    if (!key.isWellFormed()) throw notJson(path, 'keys with whole characters', 'a lone surrogate')
    count++
    const wire = changedToWire(item, `${path}.${key}`, depth + 1)
    if (key === '__proto__') Object.defineProperty(result, key, { value: wire, enumerable: true })
    else result[key] = wire
  }
  return count === 1 && ESCAPES.has(Object.keys(result)[0]) ? { $literal: result } : result
}

/** @param {string} path @param {string} expected @param {string} got @param {string} [hint] */
export function notJson(path, expected, got, hint) {
  return new MotiaError('value.not_json', `${path}: expected ${expected}, got ${got}`, {
    type: 'ValueError',
    retryable: false,
    ...(hint && { hint }),
  })
}

/**
 * A value of the protocol as handlers get it: bytes as a `Buffer`.
 * @param {any} value
 * @returns {any}
 */
export function fromWire(value) {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(fromWire)
  const keys = Object.keys(value)
  if (keys.length === 1) {
    if (keys[0] === '$bytes') return Buffer.from(String(value.$bytes), 'base64')
    if (keys[0] === '$literal') return mapValues(value.$literal)
  }
  return mapValues(value)
}

/** @param {Record<string, any>} value */
function mapValues(value) {
  for (const key of Object.keys(value)) {
    if (key !== '__proto__') value[key] = fromWire(value[key])
  }
  return value
}

/**
 * Data of a log line: never fails, and is never larger than it needs to be read.
 * @param {unknown} value
 * @param {number} [depth]
 * @param {Set<object>} [above]
 * @returns {any}
 */
export function toLogData(value, depth = 0, above = new Set()) {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object') return value === undefined ? null : String(value)
  if (above.has(value)) return '[circular]'
  if (depth > 8) return '[…]'
  above.add(value)
  try {
    return objectToLog(value, depth, above)
  } catch (error) {
    return `[unreadable: ${String(error)}]`
  } finally {
    above.delete(value)
  }
}

/** @param {object} value @param {number} depth @param {Set<object>} above @returns {any} */
function objectToLog(value, depth, above) {
  const inner = (/** @type {unknown} */ item) => toLogData(item, depth + 1, above)
  if (value instanceof Error) {
    return { name: value.name, message: value.message, stack: withoutOwnFrames(String(value.stack)), ...mapEntries(Object.entries(value), inner) }
  }
  if (Array.isArray(value)) return value.slice(0, 1000).map(inner)
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`
  if (value instanceof Map) return mapEntries([...value].map(([key, item]) => [String(key), item]), inner)
  if (value instanceof Set) return [...value].map(inner)
  const { toJSON } = /** @type {any} */ (value)
  if (typeof toJSON === 'function') return inner(toJSON.call(value, ''))
  return mapEntries(Object.entries(value), inner)
}

/** @param {[string, unknown][]} entries @param {(item: unknown) => any} inner */
function mapEntries(entries, inner) {
  return Object.fromEntries(entries.filter(([, item]) => typeof item !== 'function').map(([key, item]) => [key, inner(item)]))
}
