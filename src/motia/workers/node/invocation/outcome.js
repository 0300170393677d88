// What a handler returned, as the answer to `invoke`.
import { Cancel, Retry, Snooze } from '../authoring/errors.js'
import { toWire } from '../protocol/values.js'

/** @typedef {(items: AsyncIterable<any>) => {$stream: number}} OpenStream */

/**
 * Failure: `MotiaError` `value.not_json`.
 * @param {unknown} returned
 * @param {OpenStream | null} openStream Null where nothing may stream.
 */
export function outcomeOf(returned, openStream) {
  if (returned === undefined) return {}
  if (returned instanceof Retry) return { outcome: 'retry', delay_s: returned.delayS, reason: returned.reason }
  if (returned instanceof Snooze) return { outcome: 'snooze', delay_s: returned.delayS, reason: returned.reason }
  if (returned instanceof Cancel) return { outcome: 'cancelled', reason: returned.reason }
  return { value: openStream === null ? toWire(returned) : responseToWire(returned, openStream) }
}

/** @param {any} value @param {OpenStream} openStream */
function responseToWire(value, openStream) {
  const items = streamOf(value)
  if (items !== null) return openStream(items)
  if (value instanceof globalThis.Response) return fetchResponse(value, openStream)
  const body = value !== null && typeof value === 'object' ? streamOf(value.body) : null
  if (body === null) return toWire(value)
  return { ...toWire({ ...value, body: undefined }), body: openStream(body) }
}

/** A `Response` of the fetch API. @param {Response} response @param {OpenStream} openStream */
function fetchResponse(response, openStream) {
  const body = streamOf(response.body)
  return {
    status: response.status,
    headers: Object.fromEntries([.../** @type {any} */ (response.headers)]),
    ...(body !== null && { body: openStream(body) }),
  }
}

/** The value as a stream of items; null for anything that is none.
 * @param {any} value @returns {AsyncIterable<any> | null} */
function streamOf(value) {
  if (value === null || typeof value !== 'object') return null
  if (typeof value[Symbol.asyncIterator] === 'function') return value
  const isGenerator = typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function'
  return isGenerator ? value : null
}
