// A parsed value laid over the raw one: conversions and defaults show, keys the schema does not know stay.

/**
 * @param {unknown} raw
 * @param {unknown} parsed
 * @returns {unknown}
 */
export function laidOver(raw, parsed) {
  if (Array.isArray(parsed)) {
    const items = Array.isArray(raw) && raw.length === parsed.length ? raw : null
    return items === null ? parsed : parsed.map((value, index) => laidOver(items[index], value))
  }
  if (!isPlain(parsed) || !isPlain(raw)) return parsed
  const result = { ...raw }
  for (const [key, value] of Object.entries(parsed)) {
    // An own key of this name came out of JSON; assigning it would set the prototype.
    if (key !== '__proto__') result[key] = laidOver(raw[key], value)
  }
  return result
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isPlain(value) {
  if (value === null || typeof value !== 'object') return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
