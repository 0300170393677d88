// Durations as people write them: 30, "5m", "1h 30m".
import { UsageError } from './errors.js'

/** @typedef {number | string} Duration Seconds, or a text such as "90s", "5m", "1h 30m", "3d". */

const UNIT_S = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const PART = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/g

/**
 * The duration in seconds. Failure: `UsageError`.
 * @param {Duration} duration
 * @param {string} where
 */
export function seconds(duration, where) {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration
  if (typeof duration === 'string') {
    const text = duration.trim()
    let total = 0
    const rest = text.replace(PART, (_, amount, unit) => {
      total += Number(amount) * UNIT_S[/** @type {keyof typeof UNIT_S} */ (unit)]
      return ''
    })
    if (text !== '' && rest.trim() === '') return total
  }
  throw new UsageError(
    `${where}: expected a duration, a number of seconds or a text such as "5m", got ${JSON.stringify(duration)}`,
  )
}

/**
 * A point in time as UTC epoch milliseconds: a `Date`, an ISO text, or milliseconds. Failure: `UsageError`.
 * @param {Date | string | number} when
 * @param {string} where
 */
export function epochMs(when, where) {
  const time = when instanceof Date ? when.getTime() : typeof when === 'string' ? Date.parse(when) : when
  if (typeof time !== 'number' || !Number.isFinite(time)) {
    throw new UsageError(`${where}: expected a Date, an ISO text or epoch milliseconds, got ${String(when)}`)
  }
  return Math.round(time)
}
