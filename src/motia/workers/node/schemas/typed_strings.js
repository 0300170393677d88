// Texts of a query, path or form as the types their schema names.

/** @typedef {Record<string, any>} JsonSchema */

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/
const BOOLEANS = /** @type {Record<string, boolean>} */ ({ true: true, 1: true, false: false, 0: false })

/**
 * The values with texts read as the schema's numbers, booleans and arrays. A text that is none of what is
 * asked stays, for the schema to refuse.
 * @param {Record<string, unknown>} values
 * @param {JsonSchema} schema
 */
export function typedStrings(values, schema) {
  const properties = schema.properties ?? {}
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typed(value, properties[name])]))
}

/** @param {unknown} value @param {JsonSchema | undefined} schema @returns {unknown} */
function typed(value, schema) {
  const kinds = kindsOf(schema)
  if (kinds.includes('array')) return [value].flat().map((item) => typed(item, schema?.items))
  if (typeof value !== 'string' || kinds.includes('string')) return value
  if ((kinds.includes('number') || kinds.includes('integer')) && NUMBER.test(value)) return Number(value)
  if (kinds.includes('boolean')) return BOOLEANS[value.toLowerCase()] ?? value
  return value
}

/** @param {JsonSchema | undefined} schema @returns {string[]} */
function kindsOf(schema) {
  if (schema === undefined) return []
  if (schema.type !== undefined) return [schema.type].flat()
  return (schema.anyOf ?? schema.oneOf ?? []).flatMap(kindsOf)
}
