// A schema of any kind: what it looks like as JSON Schema, and how it is enforced.
import { fromZod3 } from './zod3.js'
import { nativeRequire } from '../loading/native_require.js'

/** @typedef {Record<string, any>} JsonSchema */
/** @typedef {{path: PropertyKey[], message: string}} Issue */

/**
 * Whether a value is a schema object of a library: Zod 3 and 4, or anything with the Standard Schema mark.
 * A plain JSON Schema is none: the node enforces those.
 * @param {any} value
 * @returns {boolean}
 */
export function isSchemaObject(value) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  return isZod4(value) || isZod3(value) || typeof value['~standard']?.validate === 'function'
}

/** @param {any} value */
const isZod4 = (value) => typeof value._zod?.def === 'object'
/** @param {any} value */
const isZod3 = (value) => typeof value._def?.typeName === 'string' && typeof value.safeParse === 'function'

/**
 * The JSON Schema of the input side; `{}` where the library gives none, so that everything is documented
 * as accepted and the schema itself decides.
 * @param {any} schema
 * @param {string} [from] The file that holds it: its own copy of Zod converts it.
 * @returns {JsonSchema}
 */
export function jsonSchemaOf(schema, from) {
  if (!isSchemaObject(schema)) return schema
  if (isZod4(schema)) return fromZod4(schema, from)
  if (isZod3(schema)) return fromZod3(schema)
  const standard = schema['~standard'].jsonSchema?.input?.({ target: 'draft-2020-12' })
  const own = standard ?? schema.toJsonSchema?.() ?? schema.toJSONSchema?.()
  return own !== null && typeof own === 'object' ? own : {}
}

/** @param {any} schema @param {string} [from] @returns {JsonSchema} */
function fromZod4(schema, from) {
  const options = { io: 'input', unrepresentable: 'any', reused: 'inline' }
  const converted = zodConverter(from)?.(schema, options) ?? schema.toJSONSchema?.(options) ?? {}
  const { $schema, '~standard': standard, ...jsonSchema } = converted
  return jsonSchema
}

/** @type {Map<string, ((schema: any, options: object) => JsonSchema) | undefined>} */
const converters = new Map()

/** `toJSONSchema` of the project's Zod; it reads the structure, so any copy of version 4 will do.
 * @param {string} [from] */
function zodConverter(from) {
  if (from === undefined) return undefined
  const require = nativeRequire(from)
  for (const name of ['zod', 'zod/v4']) {
    let path
    try {
      path = require.resolve(name)
    } catch {
      continue
    }
    if (!converters.has(path)) converters.set(path, require(name).toJSONSchema)
    const convert = converters.get(path)
    if (convert !== undefined) return convert
  }
  return undefined
}

/**
 * What a schema makes of a value: the parsed value, or what is wrong with it.
 * @param {any} schema
 * @param {unknown} value
 * @returns {Promise<{value: unknown} | {issues: Issue[]}> | {value: unknown} | {issues: Issue[]}}
 */
export function parseWith(schema, value) {
  if (typeof schema.safeParseAsync === 'function') {
    return parseWithZod(schema, value)
  }
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(standardResult) : standardResult(result)
}

/** Sync where the schema is: only refinements and transforms that await need the other way.
 * @param {any} schema @param {unknown} value */
function parseWithZod(schema, value) {
  try {
    return zodResult(schema.safeParse(value))
  } catch (error) {
    if (!/async|Promise/i.test(String(error))) throw error
    return schema.safeParseAsync(value).then(zodResult)
  }
}

/** @param {any} result */
function zodResult(result) {
  return result.success ? { value: result.data } : { issues: result.error.issues }
}

/** @param {any} result */
function standardResult(result) {
  if (!result.issues) return { value: result.value }
  return {
    issues: result.issues.map((/** @type {any} */ issue) => ({
      path: (issue.path ?? []).map((/** @type {any} */ part) => (typeof part === 'object' ? part.key : part)),
      message: issue.message,
    })),
  }
}
